"""Translation: messages between datapaths and the slices' controllers."""
