"""Why Seg-HiRes-Grad CAM confuses a few networks, what may help, and the one choice, measured once on new networks."""
