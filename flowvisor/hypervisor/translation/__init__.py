"""Translation by message family: `northbound` towards controllers, `southbound` towards datapaths."""
