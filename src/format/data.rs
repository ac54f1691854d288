//! Files of data: their formats by name, and what each format tells of a file.

use std::io::{self, Read, Seek, SeekFrom};

#[cfg(feature = "parquet")]
use super::parquet;
use super::{csv, jsonl, npy, safetensors};
use crate::object::Profile;
use crate::profile::{empty, gap};

/// Formats by the end of a file's name, in lower case. Longer ends come first.
const FORMATS: &[(&str, &str)] = &[
    (".csv.gz", "csv.gz"),
    (".csv.zst", "csv.zst"),
    (".tsv.gz", "tsv.gz"),
    (".json.gz", "json.gz"),
    (".jsonl.gz", "jsonl.gz"),
    (".jsonl.zst", "jsonl.zst"),
    (".ndjson.gz", "jsonl.gz"),
    (".nii.gz", "nifti"),
    (".tar.gz", "tar.gz"),
    (".tgz", "tar.gz"),
    (".tar", "tar"),
    (".zip", "zip"),
    (".csv", "csv"),
    (".tsv", "tsv"),
    (".tab", "tsv"),
    (".parquet", "parquet"),
    (".pq", "parquet"),
    (".jsonl", "jsonl"),
    (".ndjson", "jsonl"),
    (".json", "json"),
    (".geojson", "json"),
    (".yaml", "yaml"),
    (".yml", "yaml"),
    (".toml", "toml"),
    (".xml", "xml"),
    (".npy", "npy"),
    (".npz", "npz"),
    (".safetensors", "safetensors"),
    (".gguf", "gguf"),
    (".onnx", "onnx"),
    (".arrow", "arrow"),
    (".feather", "arrow"),
    (".avro", "avro"),
    (".orc", "orc"),
    (".h5", "hdf5"),
    (".hdf5", "hdf5"),
    (".tfrecord", "tfrecord"),
    (".mat", "mat"),
    (".pkl", "pickle"),
    (".pickle", "pickle"),
    (".joblib", "pickle"),
    (".pt", "torch"),
    (".pth", "torch"),
    (".ckpt", "checkpoint"),
    (".db", "sqlite"),
    (".sqlite", "sqlite"),
    (".sqlite3", "sqlite"),
    (".xlsx", "excel"),
    (".xls", "excel"),
    (".txt", "txt"),
    (".md", "txt"),
    (".png", "image"),
    (".jpg", "image"),
    (".jpeg", "image"),
    (".gif", "image"),
    (".bmp", "image"),
    (".webp", "image"),
    (".tif", "image"),
    (".tiff", "image"),
    (".wav", "audio"),
    (".flac", "audio"),
    (".mp3", "audio"),
    (".ogg", "audio"),
    (".mp4", "video"),
    (".mkv", "video"),
    (".avi", "video"),
    (".webm", "video"),
];

/// The format that a file of data has, by its name: `csv`, `parquet`, `jsonl`, `npy`, `safetensors`, …
pub fn data_format(file_name: &str) -> Option<&'static str> {
    let name = file_name.to_ascii_lowercase();
    FORMATS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, format)| *format)
}

/// A source of bytes that can be read anywhere.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// What a data file's header or footer tells, at a cost that does not grow with its size. Never fails:
/// what cannot be read is a gap with its reason, and a format that tells nothing has an empty profile.
pub fn profile(format: &str, file: &mut dyn ReadSeek, size: u64) -> Profile {
    let profile = match format {
        "csv" => csv::profile(None, file, size),
        "tsv" => csv::profile(Some(b'\t'), file, size),
        "jsonl" => jsonl::profile(file, size),
        "npy" => npy::profile(file, size),
        #[cfg(feature = "parquet")]
        "parquet" => parquet::profile(file, size),
        #[cfg(not(feature = "parquet"))]
        "parquet" => Err("this mdl was built without Parquet".to_owned()),
        "safetensors" => safetensors::profile(file, size),
        _ => Ok(empty()),
    };
    profile.unwrap_or_else(gap)
}

/// Most columns or arrays that a profile lists.
pub(super) const MAX_COLUMNS: usize = 65_536;

/// The longest header or footer that is read, in bytes.
pub(super) const MAX_HEADER: u64 = 16 << 20;

/// How much of a file of text is looked at, in bytes.
const SAMPLE: u64 = 64 << 10;

/// The start of a file of text, and whether that is all of it.
pub(super) fn sample(file: &mut dyn ReadSeek, size: u64) -> Result<(Vec<u8>, bool), String> {
    let bytes = read_at(file, 0, size.min(SAMPLE)).map_err(|error| error.to_string())?;
    Ok((bytes, size <= SAMPLE))
}

/// Reads a part of a file. The caller bounds `len`.
pub(super) fn read_at(file: &mut dyn ReadSeek, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < len {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_name() {
        for (name, format) in [
            ("train.csv", Some("csv")),
            ("TRAIN.CSV", Some("csv")),
            ("train.csv.gz", Some("csv.gz")),
            ("part-0.parquet", Some("parquet")),
            ("a.ndjson", Some("jsonl")),
            ("x.feather", Some("arrow")),
            ("cat.JPEG", Some("image")),
            ("model.safetensors", Some("safetensors")),
            ("csv", None),
            ("README", None),
        ] {
            assert_eq!(data_format(name), format, "{name}");
        }
    }

    #[test]
    fn formats_that_tell_nothing_have_no_gap() {
        let profile = profile("image", &mut io::Cursor::new(b"\x89PNG"), 4);
        assert_eq!(profile, empty());
    }

    #[test]
    fn a_file_that_became_shorter_is_a_gap() {
        for format in ["csv", "jsonl", "npy", "parquet", "safetensors"] {
            let profile = profile(format, &mut io::Cursor::new(b"short"), 1 << 20);
            assert_eq!(profile.gap.as_deref(), Some("the file is shorter than it was"), "{format}");
        }
    }
}
