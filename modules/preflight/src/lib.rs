//! What was observed, judged: problems with stable codes, guards, the verdict. No I/O.

mod evidence;
mod guards;
mod parameters;
mod problem;
mod uses;
mod verdict;

pub use evidence::{Evidence, IommuDefault, Vendor};
pub use guards::guard_driver;
pub use problem::{Problem, Severity};
pub use uses::{Device, Use, UseKind};
pub use verdict::{Reason, State, Verdict, verdict};
