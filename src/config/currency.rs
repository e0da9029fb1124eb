//! The currencies of ISO 4217 that money is kept in: funds, metals and test codes are none.

use crate::error::{Error, closest};

/// Active codes of countries and of currency unions, from the standard's list one of January 2026.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG \
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD \
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// What is wrong with the code that `key` gives, if anything is.
pub(super) fn fault(key: &str, code: &str) -> Option<Error> {
    if CODES.split_whitespace().any(|known| known == code) {
        return None;
    }
    let error =
        Error::config(format!("{key} is \"{code}\"; expected the code of a currency (ISO 4217), as CNY or EUR"));
    Some(match closest(&code.to_ascii_uppercase(), CODES.split_whitespace()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("write its three capital letters"),
    })
}
