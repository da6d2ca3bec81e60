"""Circuits in other people's formats: OpenQASM 2 and 3 and QPY.

Everything here runs in the limited child process of ``workers/parse.py``, except what
tells the formats apart: text from elsewhere is data, and the kernel never parses it.
"""
