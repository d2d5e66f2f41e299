//! What the modules for kernel parameters share, whatever the boot loader: from the options to the
//! parameters that are wanted, the entries judged by them, and whether a reboot is due.

mod cmdline_file;
mod entries;
mod guard;
mod machine;
mod options;
mod wanted;

pub use cmdline_file::{by_hand, esp_guard, sound};
pub use config_text::kernel_cmdline_file::faults;
pub use entries::{judge, reply, stale};
pub use guard::Guard;
pub use machine::Machine;
pub use options::{Asked, EnableParameter, State, Vendor};
pub use wanted::{MAX_CMDLINE, TOO_LONG, Wanted, fits};
