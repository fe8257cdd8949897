//! The part of a stream that was read and not yet given out, in one buffer that moves over it.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// UTF-8 byte order mark, which some writers put in front.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    /// Bytes of the stream before `start`.
    offset: u64,
    finished: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        let buffer = vec![0; CHUNK_BYTES];
        Self { source, buffer, start: 0, end: 0, offset: 0, finished: false }
    }

    /// Bytes of the stream that were given out or passed over.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What was read and not yet given out.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Bytes that the buffer takes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing more will come.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Gives out so many bytes: where they stand, until more is read.
    pub(super) fn take(&mut self, bytes: usize) -> Range<usize> {
        let start = self.start;
        self.start += bytes;
        self.offset += bytes as u64;
        start..self.start
    }

    /// Bytes that were given out.
    pub(super) fn bytes(&self, taken: Range<usize>) -> &[u8] {
        &self.buffer[taken]
    }

    /// Passes over a byte order mark, if the stream begins with one.
    pub(super) fn pass_byte_order_mark(&mut self) -> io::Result<()> {
        while self.unread().len() < BYTE_ORDER_MARK.len() && self.fill()? {}
        if self.unread().starts_with(BYTE_ORDER_MARK) {
            self.take(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    /// Passes over everything to the end of the line, which is not held; its offset and length.
    pub(super) fn pass_line(&mut self) -> io::Result<(u64, u64)> {
        let offset = self.offset;
        loop {
            let line_end = memchr(b'\n', self.unread());
            self.take(line_end.unwrap_or(self.unread().len()));
            if line_end.is_some() || !self.fill()? {
                let length = self.offset - offset;
                self.take(usize::from(line_end.is_some()));
                return Ok((offset, length));
            }
        }
    }

    /// Makes room behind the unread part and reads into it; false at the end of the stream.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.finished = read == 0;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
