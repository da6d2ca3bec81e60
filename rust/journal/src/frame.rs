//! One record as one line.

const OPEN: &[u8] = b"{\"c\":\"";
const MIDDLE: &[u8] = b"\",\"e\":";
const CRC_DIGITS: usize = 8;
/// Where the payload of a line begins.
pub const BODY: usize = OPEN.len() + CRC_DIGITS + MIDDLE.len();
const EID: &[u8] = b"{\"eid\":\"";

/// Add one record to `out`: the JSON object `payload` with its `eid` put in front.
///
/// The payload must be an object on one line; [`crate::Journal::append`] checks that.
pub fn frame(out: &mut Vec<u8>, writer: &str, seq: u64, payload: &[u8]) {
    let start = out.len();
    out.extend_from_slice(OPEN);
    out.extend_from_slice(&[b'0'; CRC_DIGITS]);
    out.extend_from_slice(MIDDLE);
    out.extend_from_slice(EID);
    out.extend_from_slice(format!("{writer}-{seq}\"").as_bytes());
    let rest = &payload[1..];
    if rest != b"}" {
        out.push(b',');
    }
    out.extend_from_slice(rest);
    let crc = crc32fast::hash(&out[start + BODY..]);
    let digits = start + OPEN.len();
    out[digits..digits + CRC_DIGITS].copy_from_slice(&hexadecimal(crc));
    out.extend_from_slice(b"}\n");
}

/// The payload of a line without its newline, and its sequence number.
pub fn unframe(line: &[u8]) -> Result<(&[u8], u64), &'static str> {
    let torn = "the line is not a record";
    if line.len() <= BODY || !line.starts_with(OPEN) || line[line.len() - 1] != b'}' {
        return Err(torn);
    }
    let (digits, rest) = line[OPEN.len()..line.len() - 1].split_at(CRC_DIGITS);
    let payload = rest.strip_prefix(MIDDLE).ok_or(torn)?;
    // Exactly what `frame` writes: reading the digits as a number would take capitals too.
    if digits != hexadecimal(crc32fast::hash(payload)) {
        return Err("the checksum does not match");
    }
    let seq = sequence(payload).ok_or("the record has no eid")?;
    Ok((payload, seq))
}

fn hexadecimal(crc: u32) -> [u8; CRC_DIGITS] {
    std::array::from_fn(|i| b"0123456789abcdef"[(crc >> (28 - 4 * i)) as usize & 15])
}

fn sequence(payload: &[u8]) -> Option<u64> {
    let eid = payload.strip_prefix(EID)?;
    let eid = &eid[..eid.iter().position(|&byte| byte == b'"')?];
    let digits = &eid[eid.iter().rposition(|&byte| byte == b'-')? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}
