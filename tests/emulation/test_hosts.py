"""Hosts resolve, ping and answer, in packets that scapy reads."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from flowvisor.emulation.hosts import Host
from flowvisor.openflow.packet import parse

A, B = 0x0A000001, 0x0A000002


def two_hosts(vlan: int | None = None) -> tuple[Host, Host]:
    return Host("a", 0x02000000000A, A, vlan), Host("b", 0x02000000000B, B, vlan)


def run(sender: Host, receiver: Host, packets: list[bytes]) -> int:
    """Let two hosts on one wire talk until they are still; return how many packets were sent."""
    sent = 0
    while packets:
        sent += len(packets)
        packets = [answer for packet in packets for answer in receiver.receive(packet)]
        sender, receiver = receiver, sender
    return sent


def test_a_ping_is_answered_after_arp() -> None:
    a, b = two_hosts()
    assert run(a, b, a.ping(B)) == 4
    assert a.answered == {B}
    assert run(a, b, a.ping(B)) == 2  # the address is known by now


def test_a_ping_is_answered_in_a_vlan() -> None:
    a, b = two_hosts(100)
    run(a, b, a.ping(B))
    assert a.answered == {B}
    assert all(Ether(packet)[Dot1Q].vlan == 100 for packet in b.received)


def test_hosts_of_different_vlans_do_not_answer_but_record() -> None:
    a, _ = two_hosts(100)
    _, b = two_hosts(200)
    assert run(a, b, a.ping(B)) == 1
    assert b.heard_from() == {a.mac}


def test_its_packets_are_what_scapy_would_make() -> None:
    a, b = two_hosts()
    (request,) = a.ping(B)
    (reply,) = b.receive(request)
    (echo,) = a.receive(reply)
    (answer,) = b.receive(echo)
    assert Ether(request)[ARP].op == 1
    assert Ether(reply)[ARP].op == 2
    for packet, kind in ((echo, 8), (answer, 0)):
        made = Ether(packet)
        assert made[ICMP].type == kind
        checksums = made[IP].chksum, made[ICMP].chksum
        del made[IP].chksum, made[ICMP].chksum
        again = Ether(bytes(made))
        assert (again[IP].chksum, again[ICMP].chksum) == checksums
    assert b"flowvisor" in answer


def test_a_datagram_waits_for_arp() -> None:
    a, b = two_hosts()
    run(a, b, a.send_udp(B, src=1, dst=2, payload=b"hello"))
    datagram = Ether(b.received[-1])[UDP]
    assert (datagram.sport, datagram.dport) == (1, 2)
    assert bytes(datagram.payload).startswith(b"hello")


def test_it_announces_itself() -> None:
    (packet,) = two_hosts()[0].announce()
    assert parse(packet).items() >= {"eth_dst": 0xFFFFFFFFFFFF, "arp_spa": A, "arp_tpa": A}.items()


def test_what_is_for_others_is_recorded_and_not_answered() -> None:
    a, b = two_hosts()
    c = Host("c", 0x02000000000C, 0x0A000003)
    assert c.receive(a.ping(B)[0]) == []
    assert c.receive(b"") == []
    assert len(c.received) == 2
    b.receive(a.announce()[0])
    assert c.receive(bytes(Ether(dst="02:00:00:00:00:0c") / IP(dst="10.0.0.3") / ICMP(type=5))) == []
    assert c.receive(bytes(Ether(dst="02:00:00:00:00:0c") / IP(dst="10.0.0.3") / UDP())) == []
