"""What is measured for its own sake, and paid for by no strategy."""
