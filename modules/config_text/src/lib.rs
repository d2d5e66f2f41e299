//! Pure editors of configuration text: current bytes in, desired bytes out. No I/O.
