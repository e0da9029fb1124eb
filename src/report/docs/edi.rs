//! The page about X12 and EDIFACT: what is read, under which columns, what codes mean by default and what is refused.

use std::fmt::Write;

use super::{cell, one_line};
use crate::intake::edi;

/// What is refused, and why, in both languages.
const REFUSED: [(&str, &str, &str); 14] = [
    (
        "refused_message",
        "The message's count or reference is wrong, its group or interchange is (all in it is refused then), the file is cut \
         off before its end, the release or the purpose is not known, or the same references came with another content.",
        "报文的段数或参考号不符，或所在功能组、交换不符（其中报文一并拒收），或文件在结尾前被截断，或版本、用途代码未知，或相同参考号而内容不同。",
    ),
    (
        "broken_envelope",
        "Something stands between interchanges, or an end ends nothing.",
        "交换之间有多余内容，或结束段没有对应的开始段。",
    ),
    (
        "unknown_code",
        "A code of a quantity is in no list: give it a meaning in `qualifiers`.",
        "数量代码不在任何列表中：请在 `qualifiers` 中给出含义。",
    ),
    (
        "no_pack",
        "Cases without the pieces of one (PO401, or `packs`): never counted as one.",
        "按箱计数而没有每箱件数（PO401 或 `packs`）：绝不当作一件。",
    ),
    (
        "unknown_unit",
        "A unit that is neither piece nor case: name it in `pieces`.",
        "既非单件也非箱的单位：请在 `pieces` 中列出。",
    ),
    ("check_digit", "The only article number of the line has a wrong check digit.", "该行唯一的商品编号校验位错误。"),
    ("no_article", "No article number of a kind that `articles` names.", "没有 `articles` 所列种类的商品编号。"),
    (
        "no_period",
        "No day of the sale or the level; the day of the message is none.",
        "没有销售或库存的日期；报文日期不算。",
    ),
    ("bad_date", "A day that is not written as its release or format says.", "日期写法与版本或格式不符。"),
    (
        "malformed_number",
        "A number with a plus, a blank, two marks or no digit behind its mark.",
        "数字带加号、空格、两个小数点，或小数点后没有数字。",
    ),
    (
        "price_kind",
        "Prices of several kinds, or AAF, whose meaning the manuals give in two ways: choose by `prices`.",
        "多种价格，或含义因手册而异的 AAF：请用 `prices` 选择。",
    ),
    ("odd_pair", "A store without its quantity, or a quantity without its store.", "有门店无数量，或有数量无门店。"),
    ("unit_factor", "A unit with an exponent or a multiplier (867 QTY03).", "单位带指数或乘数（867 QTY03）。"),
    (
        "duplicate_key",
        "Two messages of one file name the same cell, and neither counts: send one, or agree on `later = \"add\"`.",
        "同一文件中两个报文写了同一单元，两者都不计入：请只发一个，或约定 `later = \"add\"`。",
    ),
];

/// Writes the page.
pub(super) fn page(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n## X12 and EDIFACT\n\n{}\n\n{}\n", one_line(READ_EN), READ_ZH)?;
    writeln!(out, "| Column | English | 中文 |\n|---|---|---|")?;
    for (name, en, zh) in edi::columns() {
        writeln!(out, "| `{name}` | {} | {} |", cell(en), cell(zh))?;
    }
    writeln!(
        out,
        "\nWhat codes of quantities mean where `qualifiers` does not say otherwise · 数量代码的默认含义：\n"
    )?;
    writeln!(out, "| Message | Meaning | Codes |\n|---|---|---|")?;
    for (message, meaning, codes) in edi::meanings() {
        writeln!(out, "| {message} | `{meaning}` | {} |", codes.join(", "))?;
    }
    writeln!(out, "\nWhat is refused, and why · 拒收什么、为什么：\n\n| Reason | English | 中文 |\n|---|---|---|")?;
    for (reason, en, zh) in REFUSED {
        writeln!(out, "| `{reason}` | {} | {} |", cell(en), cell(zh))?;
    }
    Ok(())
}

const READ_EN: &str = "`format = \"x12\"` reads 852 (GS01 PD: sales and stock) and 867 (PT: sales and shipments) of releases \
    003050 to 005010, VICS alike; `format = \"edifact\"` reads SLSRPT (sales) and INVRPT (stock) of D.96A to D.01B. Other \
    messages are passed over and told; acknowledgements (997, CONTRL) are not sent. A file may hold several interchanges, and one \
    path may stand in several feeds of a sender: each takes its part. Every count and reference is checked before a row counts. No \
    order number exists: a row's identity is its cell (code, place, article, period), lines of one cell in one message add up, and \
    a later file replaces the cells that it names and no others (a zero takes nothing back: withdraw the file for that). \
    Stock has one row for a partner, article and day, so that stores whose stock is told apart need partners of their own. `_line` \
    of a row is the byte at which its number stands. A place \
    is text with its zeros: map it to partners by a list (`map_file`), since `05` and `0005` may be one store or two. Settings \
    stand in `[feeds.<feed>.edi]`, above.";

const READ_ZH: &str = "`format = \"x12\"` 读取 852（GS01 为 PD：销售与库存）和 867（PT：销售与发货），版本 003050 至 005010，含 VICS；\
    `format = \"edifact\"` 读取 SLSRPT（销售）和 INVRPT（库存），目录 D.96A 至 D.01B。其他报文略过并告知；不发送回执（997、CONTRL）。\
    一个文件可含多个交换，同一路径可写在同一发送方的多类数据下，各取所需。先核对全部计数与参考号，行才计入。报文没有订单号：一行由其单元\
    （代码、地点、商品、期间）识别，同一报文中同一单元的多行相加，后来的文件只替换它写到的单元（数量为零不会撤销旧值：请撤回旧文件）。库存按合作伙伴、商品、日期各一行，分别报库存的门店须各设一个合作伙伴。行的 `_line` 是数值所在的字节位置。\
    地点是保留前导零的文本：请用列表（`map_file`）对应到合作伙伴，因为 `05` 与 `0005` 可能是一家店，也可能是两家。设置写在上文的 `[feeds.<feed>.edi]`。";
