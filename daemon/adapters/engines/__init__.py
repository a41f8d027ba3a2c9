"""Engines that turn texts into vectors, behind one port."""
