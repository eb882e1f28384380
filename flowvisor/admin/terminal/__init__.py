"""What operators do in a terminal: commands of `flowvisor` that ask a running one, or hand out its tokens."""
