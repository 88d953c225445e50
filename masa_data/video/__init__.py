"""Frames of videos and of folders of images, with their times."""
