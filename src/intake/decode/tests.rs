//! Reads in pieces of any size give the same text and the same places of damage.

use std::io::Cursor;

use super::*;

/// Hands out one byte at a time.
struct Drip(Cursor<Vec<u8>>);

impl Read for Drip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let one = out.len().min(1);
        self.0.read(&mut out[..one])
    }
}

fn all(mut decoder: Decoder, room: usize) -> Step<(String, Vec<Malformed>)> {
    let (mut text, mut out) = (Vec::new(), vec![0; room]);
    loop {
        match decoder.read(&mut out)? {
            0 => return Ok((String::from_utf8(text).unwrap(), decoder.malformed)),
            read => text.extend_from_slice(&out[..read]),
        }
    }
}

fn drip(bytes: &[u8]) -> Box<dyn Read> {
    Box::new(Drip(Cursor::new(bytes.to_vec())))
}

#[test]
fn utf_8_in_any_pieces() {
    let text = "渠道 é 𝄞 abc".repeat(10);
    for room in [16, 17, 19, 64] {
        assert_eq!(all(Decoder::new(drip(text.as_bytes()), None, 0), room).unwrap().0, text);
        let whole = Box::new(Cursor::new(text.clone().into_bytes()));
        assert_eq!(all(Decoder::new(whole, None, 0), room).unwrap().0, text);
    }
    let cut = &text.as_bytes()[..text.len() - 9];
    assert!(matches!(all(Decoder::new(drip(&cut[..2]), None, 0), 16), Err(Stop::NotUtf8)), "cut within a character");
    assert!(matches!(all(Decoder::new(drip(b"ab\xff"), None, 0), 16), Err(Stop::NotUtf8)));
}

#[test]
fn damage_is_remembered_with_its_place() {
    let (mut bytes, _, _) = encoding_rs::GB18030.encode("渠道销售");
    bytes.to_mut().insert(4, 0xff);
    for room in [16, 20, 64] {
        let (text, malformed) = all(Decoder::new(drip(&bytes), Some(encoding_rs::GB18030), 0), room).unwrap();
        assert_eq!(text, "渠道\u{fffd}销售");
        assert_eq!(malformed, [Malformed { decoded_at: 6, byte: 4 }], "{room}");
    }
}

#[test]
fn the_head_chooses() {
    let chosen = |declared, head: &[u8]| {
        let chosen = choose(declared, head);
        (chosen.encoding.map(Encoding::name), chosen.bom, chosen.warning.is_some())
    };
    assert_eq!(chosen(None, b"abc"), (None, 0, false));
    assert_eq!(chosen(None, b"\xef\xbb\xbfabc"), (Some("UTF-8"), 3, false));
    assert_eq!(chosen(None, b"\xff\xfea\0"), (Some("UTF-16LE"), 2, false));
    assert_eq!(chosen(Some(encoding_rs::GB18030), b"abc"), (Some("gb18030"), 0, false));
    assert_eq!(chosen(Some(encoding_rs::GB18030), b"\xef\xbb\xbfabc"), (Some("UTF-8"), 3, true));
    assert_eq!(chosen(None, b"a\0b\0c\0d\0"), (Some("UTF-16LE"), 0, true));
    assert_eq!(chosen(None, b"\0a\0b\0c\0d"), (Some("UTF-16BE"), 0, true));
}

#[test]
fn encodings_are_told_apart() {
    let text = "渠道名称,商品货号,销售数量,客户编号,退货原因,联系电话\n".repeat(20);
    let (gb, _, _) = encoding_rs::GBK.encode(&text);
    assert_eq!(detect(drip(&gb)).unwrap(), encoding_rs::GB18030);
    let (big5, _, _) = encoding_rs::BIG5.encode("通路名稱,商品貨號,銷售數量,客戶編號,退貨原因,聯絡電話\n");
    assert_eq!(detect(drip(&big5.repeat(20))).unwrap(), encoding_rs::BIG5);
    let mut mostly = text.into_bytes();
    mostly.push(0xff);
    assert_eq!(detect(drip(&mostly)).unwrap(), UTF_8, "one bad byte in a UTF-8 file");
}
