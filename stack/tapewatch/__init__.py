"""From one service catalogue to a monitoring stack that is proven to work."""
