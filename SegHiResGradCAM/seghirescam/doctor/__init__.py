"""Can this computer make a map? What is here, what is missing, and a small map on each device.

``python -m seghirescam.doctor`` needs the standard library only: it answers also where numpy or PyTorch do not load.
"""
