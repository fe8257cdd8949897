//! Judges series one by one, each in the order of time.

use detect::{Series, Settings};

use crate::input::Rows;

/// What is written of a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Answer {
    pub expected: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub is_anomaly: bool,
}

/// Judges every row by those of its series that are before it in time. Of rows of one moment each is judged by what was before
/// that moment, and the last one is learnt from.
pub fn replay(rows: &Rows, settings: &Settings) -> Vec<Answer> {
    let mut of_series: Vec<Vec<usize>> = vec![Vec::new(); rows.names.len()];
    for (index, row) in rows.points.iter().enumerate() {
        of_series[row.series].push(index);
    }
    for indices in &mut of_series {
        indices.sort_by_key(|&index| rows.points[index].at);
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let part = of_series.len().div_ceil(workers).max(1);
    let mut answers = vec![Answer::default(); rows.points.len()];
    std::thread::scope(|scope| {
        let running: Vec<_> = of_series
            .chunks(part)
            .map(|part| {
                scope.spawn(move || {
                    part.iter().flat_map(|indices| judge(rows, indices, settings)).collect()
                })
            })
            .collect();
        for worker in running {
            let judged: Vec<(usize, Answer)> = worker.join().unwrap_or_default();
            for (index, answer) in judged {
                answers[index] = answer;
            }
        }
    });
    answers
}

fn judge(rows: &Rows, indices: &[usize], settings: &Settings) -> Vec<(usize, Answer)> {
    let mut series = Series::new(settings.clone());
    indices
        .iter()
        .map(|&index| {
            let row = rows.points[index];
            let verdict = series.push(row.at, row.value);
            let answer = Answer {
                expected: verdict.expected,
                lower: verdict.lower,
                upper: verdict.upper,
                is_anomaly: verdict.anomaly,
            };
            (index, answer)
        })
        .collect()
}
