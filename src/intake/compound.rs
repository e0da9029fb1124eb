//! The container of XLS files, looked at before its reader is: sectors that follow each other in a circle make a
//! reader copy them until all memory is gone, and a file of five kilobytes is enough for that.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::block::{Step, Stop, refuse};

/// From here on a sector's number means something else: free, the end of a chain, the table's own.
const RESERVED: u32 = 0xffff_fffa;
const CIRCLE: &str = "the workbook is damaged: its sectors follow each other in a circle; send the file again";
const CUT: &str = "the workbook is damaged: it names sectors that it does not have; send the file again";

/// Refuses a container whose chains of sectors do not end.
pub(super) fn check(file: &File) -> Step<()> {
    let mut file = file.try_clone().map_err(|err| Stop::Failed(err.into()))?;
    file.seek(SeekFrom::Start(0)).map_err(|err| Stop::Failed(err.into()))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|err| Stop::Failed(err.into()))?;
    file.seek(SeekFrom::Start(0)).map_err(|err| Stop::Failed(err.into()))?;
    let (Some(large), Some(small_start), Some(mut list)) = (bytes.get(30), word(&bytes, 60), word(&bytes, 68)) else {
        return refuse(CUT);
    };
    let size = if *large == 0x0c { 4096 } else { 512 };
    let sector = |number: u32| {
        let start = size.max(512) + number as usize * size;
        bytes.get(start..(start + size).min(bytes.len())).filter(|sector| !sector.is_empty())
    };

    // the sectors that hold the table of chains: some in the header, more in a chain of their own
    let mut tables: Vec<u32> = words(&bytes[..bytes.len().min(512)]).skip(19).collect();
    let mut seen = 0;
    while list < RESERVED {
        seen += 1;
        if seen > bytes.len() / size {
            return refuse(CIRCLE);
        }
        let Some(held) = sector(list) else { return refuse(CUT) };
        let mut more: Vec<u32> = words(held).collect();
        list = more.pop().unwrap_or(RESERVED);
        tables.extend(more);
    }
    let mut next = Vec::new();
    for table in tables.into_iter().filter(|table| *table < RESERVED) {
        let Some(held) = sector(table) else { return refuse(CUT) };
        next.extend(words(held));
    }
    if circles(&next) {
        return refuse(CIRCLE);
    }
    let mut small = Vec::new();
    let mut at = small_start;
    while at < RESERVED {
        let (Some(held), Some(after)) = (sector(at), next.get(at as usize)) else { return refuse(CUT) };
        small.extend(words(held));
        at = *after;
    }
    if circles(&small) { refuse(CIRCLE) } else { Ok(()) }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

/// Whether following `next` from anywhere comes back to where it was.
fn circles(next: &[u32]) -> bool {
    // the walk in which a sector was first met; 0 for none yet
    let mut met = vec![0_usize; next.len()];
    for start in 0..next.len() {
        let mut at = start;
        while let Some(walk) = met.get_mut(at) {
            match *walk {
                0 => *walk = start + 1,
                mine if mine == start + 1 => return true,
                _ => break,
            }
            at = next[at] as usize;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_end_and_circles_do_not() {
        let end = u32::MAX;
        assert!(!circles(&[]));
        assert!(!circles(&[1, 2, end, 2, 9]));
        assert!(circles(&[0]));
        assert!(circles(&[end, 2, 3, 1]));
    }
}
