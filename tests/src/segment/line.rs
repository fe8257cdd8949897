//! Writes pieces of JSON text into a buffer that is used again: a gigabyte of events must not cost a test minutes.

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

pub(super) trait Line {
    /// JSON text as it stands: the caller has escaped it.
    fn raw(&mut self, text: &str);
    fn number(&mut self, value: u64);
    /// A number with leading zeros.
    fn padded(&mut self, value: u64, digits: u32);
    fn hexadecimal(&mut self, value: u64, digits: u32);
    /// An amount in hundredths, as a JSON number.
    fn amount(&mut self, hundredths: u64);
    /// Milliseconds since 1970 as a JSON string: `"2026-03-01T12:30:00.000Z"`.
    fn time(&mut self, milliseconds: i64);
    /// A random UUID, version 4, of 128 bits.
    fn uuid(&mut self, high: u64, low: u64);
}

impl Line for Vec<u8> {
    fn raw(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, value: u64) {
        let digits = value.checked_ilog10().unwrap_or(0) + 1;
        self.padded(value, digits);
    }

    fn padded(&mut self, mut value: u64, digits: u32) {
        let mut text = [b'0'; 20];
        let first = text.len() - digits as usize;
        for place in text[first..].iter_mut().rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.extend_from_slice(&text[first..]);
    }

    fn hexadecimal(&mut self, value: u64, digits: u32) {
        let mut text = [0; 16];
        for (place, shift) in text.iter_mut().zip((0..digits).rev()) {
            *place = HEXADECIMAL[(value >> (4 * shift) & 15) as usize];
        }
        self.extend_from_slice(&text[..digits as usize]);
    }

    fn amount(&mut self, hundredths: u64) {
        self.number(hundredths / 100);
        // JavaScript writes 40, 39.9 and 39.95: no zeros at the end.
        match hundredths % 100 {
            0 => {}
            tenths if tenths % 10 == 0 => {
                self.push(b'.');
                self.number(tenths / 10);
            }
            cents => {
                self.push(b'.');
                self.padded(cents, 2);
            }
        }
    }

    fn time(&mut self, milliseconds: i64) {
        let (year, month, day) = civil(milliseconds.div_euclid(86_400_000));
        let rest = milliseconds.rem_euclid(86_400_000) as u64;
        self.push(b'"');
        self.padded(year, 4);
        self.push(b'-');
        self.padded(month, 2);
        self.push(b'-');
        self.padded(day, 2);
        self.push(b'T');
        self.padded(rest / 3_600_000, 2);
        self.push(b':');
        self.padded(rest / 60_000 % 60, 2);
        self.push(b':');
        self.padded(rest / 1_000 % 60, 2);
        self.push(b'.');
        self.padded(rest % 1_000, 3);
        self.raw("Z\"");
    }

    fn uuid(&mut self, high: u64, low: u64) {
        self.hexadecimal(high >> 32, 8);
        self.push(b'-');
        self.hexadecimal(high >> 16, 4);
        self.raw("-4");
        self.hexadecimal(high, 3);
        self.raw("-a");
        self.hexadecimal(low >> 48, 3);
        self.push(b'-');
        self.hexadecimal(low, 12);
    }
}

/// Year, month and day of a day counted from 1970 (Howard Hinnant's `civil_from_days`).
pub(super) fn civil(day: i64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as u64, month as u64, day_of_month as u64)
}

/// The day, counted from 1970, of a year, month and day (`days_from_civil`).
pub(super) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
