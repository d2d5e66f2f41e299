//! What was observed, judged: problems with stable codes, guards, the verdict. No I/O.
