//! What was observed, judged: problems with stable codes, guards, the verdict. No I/O.

pub mod check;
mod evidence;
mod group;
mod guards;
mod parameters;
mod problem;
mod selector;
mod uses;
mod verdict;

pub use evidence::{Evidence, IommuDefault, Vendor};
pub use group::{Blocker, blockers, companions, group_problems, guard_devices};
pub use guards::guard_driver;
pub use problem::{Problem, Severity};
pub use selector::{By, Expected, Selector};
pub use uses::{Device, Use, UseKind, keeps_for_guests};
pub use verdict::{Reason, State, Verdict, verdict};
