"""Images and videos: uploaded, processed, listed, served."""
