//! The files that modprobe reads, and what they would mean after an edit of one of them.

use config_text::modprobe_d::{self, Config, DIRECTORIES, SourceFile};

use crate::drop_in::{self, DropIn};
use crate::{HostError, Root};

/// A change of the file at `directory`/`name`.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// One of modprobe's directories.
    pub directory: &'a str,
    /// The file's name in it.
    pub name: &'a str,
    /// `None` where the file goes.
    pub bytes: Option<&'a [u8]>,
}

/// Every file in modprobe's directories, masked ones too.
pub fn read(root: &Root) -> Result<Vec<DropIn>, HostError> {
    drop_in::read(root, &DIRECTORIES, modprobe_d::is_config_name)
}

/// Files in `/etc/modprobe.d` that modprobe passes over although they look meant. For the lint alone:
/// what cannot be read here stops nothing.
pub fn forgotten(root: &Root) -> Vec<DropIn> {
    drop_in::read(root, &DIRECTORIES[..1], modprobe_d::looks_forgotten).unwrap_or_default()
}

/// All files together, with the edit carried out. The kernel command line is left out: it is in
/// force for this boot only.
pub fn config(files: &[DropIn], edit: Option<Edit>) -> Config {
    let edited = edit.and_then(|edit| {
        let same = |file: &&DropIn| file.directory == edit.directory && file.name == edit.name;
        files.iter().find(same).and_then(|file| file.identity)
    });
    let mut sources = Vec::new();
    for directory in DIRECTORIES {
        if let Some(Edit { name, bytes: Some(bytes), .. }) = edit.filter(|edit| edit.directory == directory) {
            sources.push(SourceFile { directory, name, bytes });
        }
        for file in files.iter().filter(|file| file.directory == directory) {
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

/// Directory and name of a file that modprobe reads; else why it does not.
pub fn place(path: &str) -> Result<(&'static str, &str), String> {
    let Some((directory, name)) = path.rsplit_once('/') else {
        return Err("this is no absolute path".to_string());
    };
    let Some(known) = DIRECTORIES.into_iter().find(|known| *known == directory) else {
        return Err(format!("modprobe reads no files in {directory:?}"));
    };
    if !name.ends_with(".conf") || name.starts_with('.') || name.chars().any(char::is_control) {
        return Err("modprobe reads only files whose name ends in .conf and begins with no dot".to_string());
    }
    Ok((known, name))
}

/// The file that modprobe reads instead of `directory`/`name`, if one masks it.
pub fn mask<'a>(files: &'a [DropIn], directory: &str, name: &str) -> Option<&'a DropIn> {
    let own = files.iter().find(|file| file.directory == directory && file.name == name);
    files
        .iter()
        .take_while(|file| file.directory != directory)
        .filter(|file| file.name == name)
        .find(|file| own.is_none_or(|own| own.identity != file.identity))
}

/// Whether `path` is a link to something that is no file, such as `/dev/null`: that masks files of its name.
pub fn leads_nowhere(root: &Root, path: &str) -> bool {
    root.link(path).is_some() && !matches!(root.read(path), Ok(_) | Err(HostError::TooLarge { .. }))
}
