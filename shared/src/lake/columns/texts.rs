//! A column of texts in memory that is used again and again: it is the largest part of a batch, and to have it from the system
//! and give it back with each of them took a tenth of a transform.

use std::sync::Arc;

use arrow_array::builder::NullBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

/// What is kept for the next batch at most: one of long texts need not be followed by others.
const MOST_KEPT_BYTES: usize = 256 * 1024;

/// Collects texts.
#[derive(Debug)]
pub(in crate::lake) struct TextBuilder {
    bytes: Vec<u8>,
    /// Where each text begins, and where the last ends.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl TextBuilder {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(0) }
    }

    pub(super) fn append(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                self.bytes.extend_from_slice(text.as_bytes());
                self.nulls.append_non_null();
            }
            None => self.nulls.append_null(),
        }
        // A batch has few rows, and a record at most a megabyte.
        self.offsets.push(self.bytes.len() as i32);
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(StringArray::try_new(offsets, bytes, self.nulls.finish())?))
    }

    /// Takes back the memory of an array that nobody else needs any more.
    pub(super) fn take_back(&mut self, array: ArrayRef) {
        let Some(texts) = array.as_string_opt::<i32>().cloned() else { return };
        drop(array);
        let (offsets, bytes, _) = texts.into_parts();
        if let Ok(mut bytes) = bytes.into_vec::<u8>()
            && bytes.capacity() <= MOST_KEPT_BYTES
        {
            bytes.clear();
            self.bytes = bytes;
        }
        if let Ok(mut offsets) = offsets.into_inner().into_inner().into_vec::<i32>() {
            offsets.clear();
            offsets.push(0);
            self.offsets = offsets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
        array.as_string::<i32>().iter().collect()
    }

    #[test]
    fn memory_is_used_again_and_nothing_of_before_is_in_it() {
        let mut builder = TextBuilder::new();
        builder.append(Some("one"));
        builder.append(None);
        builder.append(Some(""));
        let first = builder.finish().unwrap();
        assert_eq!(texts(&first), [Some("one"), None, Some("")]);
        let place = first.as_string::<i32>().value_data().as_ptr();
        builder.take_back(first);
        builder.append(Some("two"));
        let second = builder.finish().unwrap();
        assert_eq!(texts(&second), [Some("two")]);
        assert_eq!(second.as_string::<i32>().value_data().as_ptr(), place);
    }

    #[test]
    fn what_somebody_still_reads_is_left_alone() {
        let mut builder = TextBuilder::new();
        builder.append(Some("one"));
        let first = builder.finish().unwrap();
        builder.take_back(first.clone());
        builder.append(Some("two"));
        assert_eq!(texts(&builder.finish().unwrap()), [Some("two")]);
        assert_eq!(texts(&first), [Some("one")]);
    }
}
