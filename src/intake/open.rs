//! From a spooled file to its parts: what the first bytes say it is, unpacked under caps. The content
//! decides; a name can lie.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::rc::Rc;

use tempfile::NamedTempFile;

use super::block::{Step, Stop, refuse};
use super::magic::{PAGE_HEAD, Packing, Page, is_edi, is_plain_text, is_text, not_ours, packing_of, page_of};
use super::spool::Spool;
use crate::config::Intake;
use crate::error::Error;

/// Unpacked bytes that are always allowed, whatever the ratio.
const RATIO_FREE: u64 = 1 << 20;

/// What a part holds, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Text: delimited or JSON.
    Text,
    Parquet,
    Xlsx,
    Ods,
    Xls,
    /// A web page or the XML of Excel 2003.
    Markup,
    /// X12 or EDIFACT.
    Edi,
}

impl Content {
    /// Whether its rows are those of a sheet.
    pub(super) fn is_sheet(self) -> bool {
        matches!(self, Self::Xlsx | Self::Ods | Self::Xls | Self::Markup)
    }
}

/// One readable piece: the file itself, or one member of an archive.
#[derive(Debug)]
pub(super) struct Part {
    /// Inbox key, and for members `key!member`.
    pub name: String,
    pub content: Content,
    spool: Spool,
    packing: Packing,
    pub unpacked_max: u64,
    /// Keeps an unpacked copy alive.
    _copy: Option<NamedTempFile>,
}

impl Part {
    /// Opens the part's unpacked bytes from their start.
    pub(super) fn open(&self) -> Step<Box<dyn Read>> {
        unpacked(&self.spool, self.packing, self.unpacked_max)
    }

    /// The unpacked bytes as a file that can be sought.
    pub(super) fn file(&self) -> Step<File> {
        match &self.spool {
            Spool::Disk(path) => File::open(path).map_err(|err| Stop::Failed(Error::from(err).at(path.display()))),
            Spool::Memory(_) => Err(Stop::Failed(Error::bug("only text is held in memory").at(&self.name))),
        }
    }
}

/// A refusal that travels through `Read`.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Tells damaged data from a failing disk.
pub(super) fn stop_of(err: io::Error) -> Stop {
    if err.raw_os_error().is_some() {
        return Stop::Failed(err.into());
    }
    if let Some(refusal) = err.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) {
        return Stop::Refused(refusal.0.clone());
    }
    Stop::Refused(format!("the file is damaged: {err}"))
}

/// Counts what comes out, and refuses more than the cap. Says of damaged data what it was packed by.
struct Capped<R> {
    inner: R,
    left: u64,
    max: u64,
    packed_by: &'static str,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out).map_err(|err| {
            if err.raw_os_error().is_some() || err.kind() == io::ErrorKind::Interrupted {
                return err;
            }
            let what = match err.kind() {
                io::ErrorKind::UnexpectedEof => "is cut off: its end is missing".to_string(),
                _ => format!("is damaged: {err}"),
            };
            io::Error::other(Refusal(format!("the {} data {what}; send the file again", self.packed_by)))
        })?;
        self.left = match self.left.checked_sub(read as u64) {
            Some(left) => left,
            None => {
                return Err(io::Error::other(Refusal(format!(
                    "the {} data unpacks to more than {} bytes, the most allowed for its size",
                    self.packed_by, self.max
                ))));
            }
        };
        Ok(read)
    }
}

fn unpacked(spool: &Spool, packing: Packing, max: u64) -> Step<Box<dyn Read>> {
    let file = opened(spool)?;
    let buffered = |file| BufReader::with_capacity(256 * 1024, file);
    Ok(match packing {
        Packing::Plain => file,
        Packing::Gzip => {
            let inner = flate2::bufread::MultiGzDecoder::new(buffered(file));
            Box::new(Capped { inner, left: max, max, packed_by: "gzip" })
        }
        Packing::Zstd => {
            let mut inner = zstd::stream::read::Decoder::with_buffer(buffered(file)).map_err(stop_of)?;
            // 128 MiB of window is what zstd --long=27 needs; a file that asks for more is refused
            inner.window_log_max(27).map_err(stop_of)?;
            Box::new(Capped { inner, left: max, max, packed_by: "zstd" })
        }
    })
}

fn opened(spool: &Spool) -> Step<Box<dyn Read>> {
    spool.reader().map_err(|err| {
        Stop::Failed(match spool {
            Spool::Disk(path) => Error::from(err).at(path.display()),
            Spool::Memory(_) => err.into(),
        })
    })
}

/// First bytes of a reader, however it hands them out.
pub(super) fn head(reader: &mut dyn Read, length: usize) -> Step<Vec<u8>> {
    let mut head = Vec::with_capacity(length);
    reader.take(length as u64).read_to_end(&mut head).map_err(stop_of)?;
    Ok(head)
}

/// Whether a file's first bytes, packed or not, are those of a format that is not ours to read: Parquet, workbooks
/// and archives. What cannot be opened at all is left to the reading itself to say.
pub fn is_foreign(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let Ok(first) = head(&mut file, 8) else { return false };
    let packing = packing_of(&first);
    if packing == Packing::Plain {
        return !is_text(&first);
    }
    let spool = Spool::Disk(path.to_path_buf());
    unpacked(&spool, packing, RATIO_FREE).and_then(|mut inner| head(&mut inner, 8)).is_ok_and(|first| !is_text(&first))
}

/// Takes a spooled file apart. `scratch` is a folder for unpacked copies.
pub(super) fn open(spool: &Spool, key: &str, limits: &Intake, scratch: &Path) -> Step<Vec<Part>> {
    let size = spool.size().map_err(|err| Stop::Failed(err.into()))?;
    if size == 0 {
        return refuse("the file is empty (0 bytes)");
    }
    if size > limits.file_bytes_max {
        return refuse(format!("the file has {size} bytes; at most {} are taken", limits.file_bytes_max));
    }
    let max = limits.unpacked_bytes_max.min(size.saturating_mul(limits.unpacked_ratio_max).max(RATIO_FREE));
    let first = head(&mut opened(spool)?, 8)?;
    let packing = packing_of(&first);
    let part = |content, packing| Part {
        name: key.to_string(),
        content,
        spool: spool.clone(),
        packing,
        unpacked_max: max,
        _copy: None,
    };
    if is_plain_text(&first) {
        return Ok(vec![part(text_kind(opened(spool)?)?, packing)]);
    }
    if packing == Packing::Plain {
        let mut file = part(Content::Text, packing).file()?;
        return match kind_of(&first, &mut file)? {
            Kind::Content(content) => Ok(vec![part(content, packing)]),
            Kind::Archive => members(&file, key, limits, max, scratch),
        };
    }
    let mut inner = unpacked(spool, packing, max)?;
    let first = head(&mut inner, 8)?;
    if first.is_empty() {
        return refuse("the file is empty once unpacked (0 bytes)");
    }
    if is_text(&first) {
        return Ok(vec![part(text_kind(unpacked(spool, packing, max)?)?, packing)]);
    }
    // formats that are read from their end need a file
    let mut copy = copy_of(&mut unpacked(spool, packing, max)?, scratch)?;
    match kind_of(&first, copy.as_file_mut())? {
        Kind::Content(content) => Ok(vec![Part {
            name: key.to_string(),
            content,
            spool: Spool::Disk(copy.path().to_path_buf()),
            packing: Packing::Plain,
            unpacked_max: max,
            _copy: Some(copy),
        }]),
        Kind::Archive => refuse("the file is an archive packed twice; send it packed once"),
    }
}

enum Kind {
    Content(Content),
    Archive,
}

/// What a text is, if it is one.
fn text_kind(mut bytes: Box<dyn Read>) -> Step<Content> {
    let head = head(&mut bytes, PAGE_HEAD)?;
    if let Some(sentence) = not_ours(&head) {
        return refuse(sentence);
    }
    if is_edi(&head) {
        return Ok(Content::Edi);
    }
    match page_of(&head) {
        None => Ok(Content::Text),
        Some(Page::Tables) => Ok(Content::Markup),
        Some(Page::Other) => refuse("the file is XML of a kind that is not read; send it as XLSX, CSV or JSON"),
    }
}

fn kind_of(first: &[u8], file: &mut File) -> Step<Kind> {
    Ok(match first {
        [b'P', b'A', b'R', b'1', ..] => Kind::Content(Content::Parquet),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            file.seek(SeekFrom::Start(0)).map_err(stop_of)?;
            let head = head(file, 1 << 20)?;
            let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
            if head.windows(name.len()).any(|window| window == name) {
                return refuse("the workbook is encrypted; send it without a password");
            }
            Kind::Content(Content::Xls)
        }
        [b'P', b'K', 3, 4, ..] => {
            file.seek(SeekFrom::Start(0)).map_err(stop_of)?;
            let names: Vec<String> = archive(file)?.file_names().map(str::to_string).collect();
            let has = |wanted: &str| names.iter().any(|name| name == wanted);
            if has("xl/workbook.bin") {
                return refuse("the file is a binary workbook (XLSB); save it as XLSX or CSV");
            }
            if has("[Content_Types].xml") {
                Kind::Content(Content::Xlsx)
            } else if has("mimetype") && has("content.xml") {
                Kind::Content(Content::Ods)
            } else {
                Kind::Archive
            }
        }
        [b'P', b'K', ..] => return refuse("the zip archive has no members"),
        _ => {
            file.seek(SeekFrom::Start(0)).map_err(stop_of)?;
            Kind::Content(text_kind(Box::new(file.try_clone().map_err(stop_of)?))?)
        }
    })
}

/// Members that any archive may list, workbooks included: the list itself is held in memory.
const LISTED_MAX: u16 = 10_000;

pub(super) fn archive(file: &File) -> Step<zip::ZipArchive<BufReader<File>>> {
    let mut file = file.try_clone().map_err(stop_of)?;
    if listed(&mut file)? > LISTED_MAX {
        return refuse(format!("the zip archive lists more than {LISTED_MAX} members"));
    }
    zip::ZipArchive::new(BufReader::new(file)).map_err(zip_stop)
}

/// How many members the archive's end says that it lists; 65,535 stands for more. 0 where no end is found.
fn listed(file: &mut File) -> Step<u16> {
    const END: [u8; 4] = *b"PK\x05\x06";
    let size = file.metadata().map_err(|err| Stop::Failed(err.into()))?.len();
    // the end record, and a comment of at most 64 KiB behind it
    let tail = size.min(22 + 65_535);
    file.seek(SeekFrom::Start(size - tail)).map_err(stop_of)?;
    let tail = head(file, usize::try_from(tail).unwrap_or(0))?;
    file.seek(SeekFrom::Start(0)).map_err(stop_of)?;
    let counts = (0..tail.len().saturating_sub(21)).filter(|at| tail[*at..].starts_with(&END));
    Ok(counts.map(|at| u16::from_le_bytes([tail[at + 10], tail[at + 11]])).max().unwrap_or(0))
}

fn zip_stop(err: zip::result::ZipError) -> Stop {
    match err {
        zip::result::ZipError::Io(err) if err.raw_os_error().is_some() => Stop::Failed(err.into()),
        err => Stop::Refused(format!("the zip archive cannot be read: {err}; send the file again")),
    }
}

fn copy_of(from: &mut dyn Read, scratch: &Path) -> Step<NamedTempFile> {
    let mut copy = NamedTempFile::new_in(scratch).map_err(|err| Stop::Failed(err.into()))?;
    io::copy(from, copy.as_file_mut()).map_err(stop_of)?;
    copy.as_file_mut().flush().map_err(|err| Stop::Failed(err.into()))?;
    Ok(copy)
}

fn members(file: &File, key: &str, limits: &Intake, max: u64, scratch: &Path) -> Step<Vec<Part>> {
    let mut archive = archive(file)?;
    if archive.len() > limits.members_max {
        return refuse(format!(
            "the zip archive has {} members; at most {} are taken",
            archive.len(),
            limits.members_max
        ));
    }
    let mut parts = Vec::new();
    let mut left = max;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(zip_stop)?;
        let name = member.name().to_string();
        if member.encrypted() {
            return refuse(format!("member {name:?} of the zip archive is encrypted; send it without a password"));
        }
        let own = name.starts_with("__MACOSX/") || name.ends_with(".DS_Store");
        if member.is_dir() || own {
            continue;
        }
        if leaves_its_folder(&name) {
            return refuse(format!("member {name:?} of the zip archive has a name that leaves its folder"));
        }
        let rc = Rc::new(RefCell::new(0_u64));
        let capped = Capped { inner: member, left, max, packed_by: "zip" };
        let mut copy = copy_of(&mut Counted { inner: capped, seen: Rc::clone(&rc) }, scratch)?;
        left = left.saturating_sub(*rc.borrow());
        let first = {
            let file = copy.as_file_mut();
            file.seek(SeekFrom::Start(0)).map_err(stop_of)?;
            head(file, 8)?
        };
        if first.is_empty() {
            return refuse(format!("member {name:?} of the zip archive is empty (0 bytes)"));
        }
        let Kind::Content(content) = kind_of(&first, copy.as_file_mut())? else {
            return refuse(format!("member {name:?} of the zip archive is an archive itself"));
        };
        let spool = Spool::Disk(copy.path().to_path_buf());
        let name = format!("{key}!{name}");
        parts.push(Part { name, content, spool, packing: Packing::Plain, unpacked_max: max, _copy: Some(copy) });
    }
    if parts.is_empty() {
        return refuse("the zip archive has no members");
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parts)
}

/// Whether a member's name, unpacked by somebody less careful, would end up elsewhere or hide what it is.
fn leaves_its_folder(name: &str) -> bool {
    name.starts_with(['/', '\\'])
        || name.chars().any(|char| char.is_control() || char == ':')
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// Counts what passes, for a budget that several members share.
struct Counted<R> {
    inner: R,
    seen: Rc<RefCell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        *self.seen.borrow_mut() += read as u64;
        Ok(read)
    }
}
