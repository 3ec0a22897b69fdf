"""The small shared values everything else is built from; imports nothing of ours."""
