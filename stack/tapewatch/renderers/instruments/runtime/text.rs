mod text {
    /// Writes the lines of one series.
    pub struct Lines<'a> {
        out: &'a mut String,
        name: &'a str,
        labels: &'a [&'a str],
        values: &'a [String],
    }

    impl<'a> Lines<'a> {
        pub fn new(
            out: &'a mut String,
            name: &'a str,
            labels: &'a [&'a str],
            values: &'a [String],
        ) -> Self {
            Self {
                out,
                name,
                labels,
                values,
            }
        }

        /// A line with a value, the suffix behind the family's name.
        pub fn value(&mut self, suffix: &str, value: f64) {
            self.line(suffix, None, value);
        }

        /// The line of a bucket of a histogram.
        pub fn bucket(&mut self, bound: f64, count: u64) {
            let mut le = String::new();
            push_number(&mut le, bound);
            self.line("_bucket", Some(&le), count as f64);
        }

        /// Labels stand in the order of their names, `le` among them.
        fn line(&mut self, suffix: &str, le: Option<&str>, value: f64) {
            self.out.push_str(self.name);
            self.out.push_str(suffix);
            let own = self
                .labels
                .iter()
                .copied()
                .zip(self.values.iter().map(String::as_str));
            let mut pairs: Vec<(&str, &str)> = own.chain(le.map(|bound| ("le", bound))).collect();
            pairs.sort_unstable();
            push_labels(self.out, &pairs);
            self.out.push(' ');
            push_number(self.out, value);
            self.out.push('\n');
        }
    }

    /// HELP and TYPE of a family.
    pub fn write_head(out: &mut String, name: &str, help: &str, kind: &str) {
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        for character in help.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                other => out.push(other),
            }
        }
        out.push_str("\n# TYPE ");
        out.push_str(name);
        out.push(' ');
        out.push_str(kind);
        out.push('\n');
    }

    /// What was dropped, once there is something to tell.
    pub fn write_dropped<'a>(
        out: &mut String,
        dropped: impl Iterator<Item = (&'a str, &'a str, u64)>,
    ) {
        let name = "tapewatch_sdk_dropped_updates_total";
        let mut told = false;
        for (family, reason, count) in dropped.filter(|(_, _, count)| *count > 0) {
            if !told {
                write_head(out, name, "Updates that were not kept.", "counter");
                told = true;
            }
            out.push_str(name);
            push_labels(out, &[("family", family), ("reason", reason)]);
            out.push(' ');
            push_number(out, count as f64);
            out.push('\n');
        }
    }

    fn push_labels(out: &mut String, pairs: &[(&str, &str)]) {
        for (position, (label, value)) in pairs.iter().enumerate() {
            out.push(if position == 0 { '{' } else { ',' });
            out.push_str(label);
            out.push_str("=\"");
            for character in value.chars() {
                match character {
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '"' => out.push_str("\\\""),
                    other => out.push(other),
                }
            }
            out.push('"');
        }
        if !pairs.is_empty() {
            out.push('}');
        }
    }

    /// A number as the Python SDK and prometheus-client write it: `1.0`, `1e-05`, and from a million on `1e+06`.
    pub fn push_number(out: &mut String, value: f64) {
        if value.is_nan() {
            out.push_str("NaN");
            return;
        }
        if value.is_infinite() {
            out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
            return;
        }
        // The fewest digits that give the same number again, `1.25e-3`.
        let shortest = format!("{:e}", value.abs());
        let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let digits = mantissa.replace('.', "");
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if value.is_sign_negative() {
            out.push('-');
        }
        let highest = if value > 0.0 { 5 } else { 15 };
        if (-4..=highest).contains(&exponent) {
            push_plain(out, &digits, exponent);
        } else {
            out.push_str(mantissa);
            let sign = if exponent < 0 { '-' } else { '+' };
            out.push_str(&format!("e{}{:02}", sign, exponent.abs()));
        }
    }

    /// Digits with a point: the first one counts ten to the power of `exponent`.
    fn push_plain(out: &mut String, digits: &str, exponent: i32) {
        if exponent < 0 {
            out.push_str("0.");
            (1..-exponent).for_each(|_| out.push('0'));
            out.push_str(digits);
            return;
        }
        let before = exponent as usize + 1;
        for (position, digit) in digits.chars().enumerate() {
            if position == before {
                out.push('.');
            }
            out.push(digit);
        }
        if digits.len() <= before {
            (digits.len()..before).for_each(|_| out.push('0'));
            out.push_str(".0");
        }
    }
}
