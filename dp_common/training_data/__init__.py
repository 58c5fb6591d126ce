"""What a position of training sees: shards of images, the growing set, readers and augmentation."""
