//! The configuration in force, as it is and as it would be after an edit.

use config_text::modprobe_d::{Config, DIRECTORIES, SourceFile};

use crate::observe::Observed;

/// A change of the file at `directory`/`name`.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    pub directory: &'a str,
    pub name: &'a str,
    /// `None` where the file goes.
    pub bytes: Option<&'a [u8]>,
}

/// All files together, with the edit carried out. The kernel command line is left out: it is in
/// force for this boot only.
pub fn config(seen: &Observed, edit: Option<Edit>) -> Config {
    let edited = edit.and_then(|edit| {
        let same = |file: &&host::drop_in::DropIn| file.directory == edit.directory && file.name == edit.name;
        seen.files.iter().find(same).and_then(|file| file.identity)
    });
    let mut sources = Vec::new();
    for directory in DIRECTORIES {
        if let Some(Edit { name, bytes: Some(bytes), .. }) = edit.filter(|edit| edit.directory == directory) {
            sources.push(SourceFile { directory, name, bytes });
        }
        for file in seen.files.iter().filter(|file| file.directory == directory) {
            let is_edited = edit.is_some_and(|edit| {
                // With /lib a link to /usr/lib, one file is seen twice.
                (edit.directory == directory && edit.name == file.name)
                    || (edited.is_some() && file.identity == edited)
            });
            if !is_edited {
                sources.push(SourceFile { directory, name: &file.name, bytes: &file.bytes });
            }
        }
    }
    Config::from_files(&sources)
}
