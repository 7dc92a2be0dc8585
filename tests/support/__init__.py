"""What tests share: real servers on this machine."""
