//! Where finished files go: S3 in a function, a folder in a dry run and in tests.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// A place that takes objects by key.
pub trait ObjectStore: Send + Sync {
    /// Starts an object. It exists once [`ObjectSink::complete`] has returned, and not before.
    fn create(&self, key: &str) -> io::Result<Box<dyn ObjectSink>>;

    /// The URI under which an object of this store is found.
    fn uri(&self, key: &str) -> String;
}

/// An object that is being written. Dropping it leaves nothing behind.
pub trait ObjectSink: Write + Send {
    /// Makes the object exist.
    fn complete(&mut self) -> io::Result<()>;
}

/// A store that forgets what it is given, for trials and measurements.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl ObjectStore for Nowhere {
    fn create(&self, _: &str) -> io::Result<Box<dyn ObjectSink>> {
        Ok(Box::new(Self))
    }

    fn uri(&self, key: &str) -> String {
        format!("nowhere:{key}")
    }
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectSink for Nowhere {
    fn complete(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A store in a local folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// A store below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl ObjectStore for Folder {
    fn create(&self, key: &str) -> io::Result<Box<dyn ObjectSink>> {
        let path = self.root.join(key);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let unfinished = path.with_extension("unfinished");
        let file = BufWriter::new(File::create(&unfinished)?);
        Ok(Box::new(FolderSink { file, unfinished, path, completed: false }))
    }

    fn uri(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }
}

struct FolderSink {
    file: BufWriter<File>,
    unfinished: PathBuf,
    path: PathBuf,
    completed: bool,
}

impl Write for FolderSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ObjectSink for FolderSink {
    fn complete(&mut self) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.unfinished, &self.path)?;
        self.completed = true;
        Ok(())
    }
}

impl Drop for FolderSink {
    fn drop(&mut self) {
        if !self.completed {
            // Best effort: a leftover is seen by its ending.
            let _ = std::fs::remove_file(&self.unfinished);
        }
    }
}
