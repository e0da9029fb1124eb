use std::io::Read as _;

use super::*;

/// Width, height and pixels of a picture, read back by hand.
fn opened(png: &[u8]) -> (usize, usize, Vec<[u8; 3]>) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let word = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")) as usize;
    let (width, height) = (word(16), word(20));
    assert_eq!(&png[24..29], [8, 2, 0, 0, 0], "eight bits, true colour, opaque");
    let length = word(33);
    assert_eq!(&png[37..41], b"IDAT");
    let mut rows = Vec::new();
    flate2::read::ZlibDecoder::new(&png[41..41 + length]).read_to_end(&mut rows).expect("packed");
    let pixels =
        rows.chunks(1 + width * 3).flat_map(|row| row[1..].chunks(3).map(|p| [p[0], p[1], p[2]]).collect::<Vec<_>>());
    (width, height, pixels.collect())
}

#[test]
fn a_picture_is_twice_as_fine_as_its_place_and_small() {
    let values: Vec<f64> = (0..14).map(|n| f64::from((n * 5) % 7)).collect();
    let picture = sparkline(&values, "#d1453b").expect("drawn").expect("a line");
    let (width, height, pixels) = opened(&picture.png);
    assert_eq!((picture.width, picture.height), (200, 32));
    assert_eq!((width, height, pixels.len()), (400, 64, 400 * 64));
    assert!(picture.png.len() < 4_000, "{}", picture.png.len());
    assert_eq!(pixels[0], [255, 255, 255], "opaque ground");
    assert!(pixels.contains(&[0xd1, 0x45, 0x3b]), "the last day in its colour");
    assert!(pixels.contains(&[LINE.0, LINE.1, LINE.2]));
    assert_eq!(picture, sparkline(&values, "#d1453b").expect("drawn").expect("a line"), "the same bytes again");
}

#[test]
fn what_cannot_be_drawn_is_not() {
    assert_eq!(sparkline(&[1.0], "#000000").expect("drawn"), None);
    assert_eq!(sparkline(&[1.0, f64::NAN], "#000000").expect("drawn"), None);
    assert_eq!(bullet(1.0, 0.5, 0.0, "#000000").expect("drawn"), None);
    assert_eq!(stock(&[]).expect("drawn"), None);
    assert_eq!(bubbles(&[], 0.1, 0.2).expect("drawn"), None);
    // A level line has a place, too.
    assert!(sparkline(&[5.0, 5.0], "#000000").expect("drawn").is_some());
    // Bounds of another length make a plain line.
    let plain = band(&[1.0, 2.0], &[0.0], &[3.0], "#000000").expect("drawn").expect("a line");
    assert_eq!(plain.height, 32);
}

#[test]
fn bars_have_the_lengths_of_their_figures() {
    let picture = bullet(50.0, 0.75, 100.0, "#d1453b").expect("drawn").expect("a bar");
    let (width, _, pixels) = opened(&picture.png);
    let row = &pixels[22 * width..23 * width];
    let red = row.iter().filter(|pixel| **pixel == [0xd1, 0x45, 0x3b]).count();
    assert!((295..=297).contains(&red), "half of 592 pixels: {red}");
    let mark = row.iter().position(|pixel| *pixel == [38, 49, 61]).expect("the mark");
    assert!((444..=448).contains(&mark), "three quarters: {mark}");

    let picture = stock(&[(30.0, 70.0), (25.0, 25.0)]).expect("drawn").expect("bars");
    let (width, _, pixels) = opened(&picture.png);
    let count = |row: usize, colour: Colour| {
        pixels[row * width..(row + 1) * width].iter().filter(|p| **p == [colour.0, colour.1, colour.2]).count()
    };
    assert!((176..=178).contains(&count(20, LINE)) && (413..=416).contains(&count(20, SURPLUS)));
    assert!((146..=149).contains(&count(56, LINE)) && (146..=149).contains(&count(56, SURPLUS)));
}

#[test]
fn a_band_lies_behind_its_line_and_bubbles_stand_where_their_figures_are() {
    let picture = band(&[5.0, 5.0, 0.0], &[4.0; 3], &[6.0; 3], "#d1453b").expect("drawn").expect("a band");
    let (_, _, pixels) = opened(&picture.png);
    assert!(pixels.contains(&[BAND.0, BAND.1, BAND.2]));
    let one = |growth, share| Bubble { growth, share, size: 1.0 };
    let picture = bubbles(&[one(-0.2, 0.1), one(0.4, 0.6)], 0.1, 0.3).expect("drawn").expect("bubbles");
    let (width, _, pixels) = opened(&picture.png);
    let place = |tone: &str| {
        let colour = Colour::parse(tone);
        let seen = |under: u8| mix(255, under, 0.75);
        let of = [seen(colour.0), seen(colour.1), seen(colour.2)];
        let all: Vec<usize> = (0..pixels.len()).filter(|at| pixels[*at] == of).collect();
        let mean =
            |of: fn(usize, usize) -> usize| all.iter().map(|at| of(*at, width)).sum::<usize>() / all.len().max(1);
        (mean(|at, width| at % width), mean(|at, width| at / width))
    };
    let (slow, fast) = (place(tone(0)), place(tone(1)));
    assert!(slow.0 < fast.0 && slow.1 > fast.1, "to the right grows, upwards has more: {slow:?} {fast:?}");
}
