//! A tree of files as it is at one moment, to prove later what a run changed in it, or that it changed
//! nothing at all.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files up to this size are kept whole, so that a difference can be shown; of larger ones a hash is kept.
const KEPT_WHOLE: u64 = 64 << 10;

/// Every file, directory and link under a root.
#[derive(Debug, Clone)]
pub struct Snapshot {
    found: BTreeMap<PathBuf, Found>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// Type and permission bits.
    mode: u32,
    owner: (u32, u32),
    content: Content,
    /// Device and inode, size, times of modification and of change in nanoseconds: whoever writes, replaces or
    /// touches the file changes one of them.
    traces: (u64, u64, u64, i128, i128),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Bytes(Vec<u8>),
    Hash(u64),
    /// Directories, devices, and files that only root may read.
    None,
}

impl Snapshot {
    /// Looks at everything under `root`, without crossing into other mounted file systems.
    ///
    /// # Panics
    /// If a directory cannot be listed or a file not be looked at.
    #[must_use]
    pub fn of(root: &Path) -> Snapshot {
        let mut found = BTreeMap::new();
        let top = std::fs::symlink_metadata(root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
        let mut open = vec![root.to_path_buf()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
                let path = entry.expect("a directory lists its entries").path();
                let meta =
                    std::fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                if meta.is_dir() && meta.dev() == top.dev() {
                    open.push(path.clone());
                }
                let content = content(&path, &meta);
                let inside = path.strip_prefix(root).expect("a path below the root").to_path_buf();
                found.insert(Path::new("/").join(inside), Found::new(&meta, content));
            }
        }
        found.insert(PathBuf::from("/"), Found::new(&top, Content::None));
        Snapshot { found }
    }

    /// What differs in `after` in any way: paths, types, modes, owners, content, inodes, modification and
    /// change times. Empty means that nobody wrote to the tree in between. One line a path.
    #[must_use]
    pub fn traces(&self, after: &Snapshot) -> Vec<String> {
        self.compare(after, |a, b| match a == b {
            true => None,
            false => Some(a.describe(b).unwrap_or_else(|| "written or touched, same content".to_owned())),
        })
    }

    /// What differs in `after` in paths, types, modes, owners or content: a tree put back into its first
    /// state shows nothing here, although files were written.
    #[must_use]
    pub fn differences(&self, after: &Snapshot) -> Vec<String> {
        self.compare(after, |a, b| a.describe(b))
    }

    fn compare(&self, after: &Snapshot, judge: impl Fn(&Found, &Found) -> Option<String>) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, was) in &self.found {
            match after.found.get(path) {
                None => lines.push(format!("{}: gone", path.display())),
                Some(is) => lines.extend(judge(was, is).map(|how| format!("{}: {how}", path.display()))),
            }
        }
        let new = after.found.keys().filter(|path| !self.found.contains_key(*path));
        lines.extend(new.map(|path| format!("{}: new", path.display())));
        lines
    }
}

impl Found {
    fn new(meta: &Metadata, content: Content) -> Found {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let modified = nanoseconds(meta.mtime(), meta.mtime_nsec());
        let changed = nanoseconds(meta.ctime(), meta.ctime_nsec());
        Found {
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            content,
            traces: (meta.dev(), meta.ino(), meta.size(), modified, changed),
        }
    }

    fn describe(&self, is: &Found) -> Option<String> {
        if (self.mode, self.owner) != (is.mode, is.owner) {
            return Some(format!(
                "mode {:o} of {:?} became {:o} of {:?}",
                self.mode, self.owner, is.mode, is.owner
            ));
        }
        match (&self.content, &is.content) {
            (a, b) if a == b => None,
            (Content::Bytes(a), Content::Bytes(b)) => Some(format!(
                "content differs\n--- before\n{}\n--- after\n{}\n---",
                String::from_utf8_lossy(a),
                String::from_utf8_lossy(b)
            )),
            _ => Some("content differs".to_owned()),
        }
    }
}

fn content(path: &Path, meta: &Metadata) -> Content {
    if meta.is_symlink() {
        let target = std::fs::read_link(path).map(|target| target.as_os_str().as_bytes().to_vec());
        return target.map_or(Content::None, Content::Bytes);
    }
    match meta.is_file().then(|| std::fs::read(path)) {
        Some(Ok(bytes)) if meta.size() <= KEPT_WHOLE => Content::Bytes(bytes),
        Some(Ok(bytes)) => {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            Content::Hash(hasher.finish())
        }
        _ => Content::None,
    }
}
