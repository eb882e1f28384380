"""Speaking for both sides: the datapath does not hear what it is told, and says what a test wants it to say."""

from __future__ import annotations

from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow.messages import Message
from tests.support.world import Controller, World

FRAMES_OF_A_READ = 16  # few enough to be translated at once


def the_datapath(world: World) -> Datapath:
    """The only datapath of a world."""
    (datapath,) = world.hypervisor.datapaths.values()
    return datapath


def withheld(controller: Controller, *messages: Message | bytes) -> list[Message]:
    """Send as a controller, and return what the datapath would have been told: it is not."""
    world = controller.world
    datapath = controller.switch.datapath
    encode = controller.channel.codec.encode
    frames = [one if isinstance(one, bytes) else encode(one) for one in messages]
    told: list[bytes] = []
    for start in range(0, len(frames), FRAMES_OF_A_READ):
        read = frames[start : start + FRAMES_OF_A_READ]
        effects = world.hypervisor.from_controller(controller.channel, read, world.now)
        told += effects.frames.pop(datapath, [])
        world.perform(effects)
    return [datapath.codec.decode(frame) for frame in told]


def say(world: World, *messages: Message | bytes) -> None:
    """Let the datapath say something, out of its own or as an answer."""
    datapath = the_datapath(world)
    frames = [one if isinstance(one, bytes) else datapath.codec.encode(one) for one in messages]
    world.perform(world.hypervisor.from_datapath(datapath, frames, world.now))
