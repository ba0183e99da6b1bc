"""What is done to an image before the network sees it, in the words of a model description."""
