//! Every way a file can be wrong, one by one, with the exact text a user reads.

use super::*;

/// Files with the given contents in a directory of their own, read with columns t, q, v, tau.
struct Case {
    directory: tempfile::TempDir,
    files: Vec<PathBuf>,
    selection: Selection,
}

impl Case {
    fn new(contents: &[&[u8]]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (at, content) in contents.iter().enumerate() {
            let file = directory.path().join(format!("{at}.csv"));
            std::fs::write(&file, content).unwrap();
            files.push(file);
        }
        let selection = Selection {
            q: vec!["q".to_owned()],
            momentum: Momentum::Velocity(vec!["v".to_owned()]),
            u: vec!["tau".to_owned()],
            time: Some("t".to_owned()),
            trajectory: None,
            derivative: None,
            missing: MissingPolicy::Refuse,
        };
        Self { directory, files, selection }
    }

    fn with(mut self, change: impl FnOnce(&mut Selection)) -> Self {
        change(&mut self.selection);
        self
    }

    fn read(&self) -> Reading {
        read(&self.files, &self.selection).unwrap()
    }

    /// The error's text without the directory.
    fn error(&self) -> String {
        let text = read(&self.files, &self.selection).unwrap_err().to_string();
        text.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

const GOOD: &[u8] = b"t,q,v,tau\n0,1,2,3\n0.1,4,5,6\n0.3,7,8,9\n";

fn only(content: &str) -> Case {
    Case::new(&[content.as_bytes()])
}

#[test]
fn named_columns_in_any_order_become_a_trajectory() {
    for content in [
        "t,q,v,tau\n0,1,2,3\n0.1,4,5,6\n0.3,7,8,9\n",
        "tau,extra,v,q,t\n3,x,2,1,0\n6,y,5,4,0.1\n9,z,8,7,0.3\n",
        "\u{feff}t,q,v,tau\r\n0,1,2,3\r\n0.1,4,5,6\r\n0.3,7,8,9\r\n",
        "t;q;v;tau\n0;1;2;3\n0.1;4;5;6\n0.3;7;8;9",
        "t\tq\tv\ttau\n0\t1\t2\t3\n0.1\t4\t5\t6\n0.3\t7\t8\t9\n\n",
        "\"t\", q ,v,tau\n0, 1 ,2,3\n\n0.1,\"4\",5,6\n3e-1,7,8,9\n",
    ] {
        let reading = only(content).read();
        let trajectory = &reading.data.trajectories[0];
        assert_eq!(reading.data.trajectories.len(), 1, "{content}");
        assert_eq!(trajectory.time, [0.0, 0.1, 0.3], "{content}");
        assert_eq!((&trajectory.q[..], &trajectory.p[..]), (&[1.0, 4.0, 7.0][..], &[2.0, 5.0, 8.0][..]), "{content}");
        assert_eq!((&trajectory.u[..], trajectory.source.first_row), (&[3.0, 6.0, 9.0][..], 2), "{content}");
        assert!(reading.notices.is_empty() && reading.data.names.second == Second::Velocity, "{content}");
    }
}

#[test]
fn several_files_and_labels_become_several_trajectories() {
    let reading = Case::new(&[GOOD, GOOD]).read();
    assert_eq!(reading.data.trajectories.len(), 2);
    let labelled = only("id,t,q,v,tau\na,0,1,2,3\na,1,1,2,3\nb,0,1,2,3\nb,1,1,2,3\nb,2,1,2,3\n");
    let reading = labelled.with(|selection| selection.trajectory = Some("id".to_owned())).read();
    let rows: Vec<usize> = reading.data.trajectories.iter().map(|one| one.rows(1)).collect();
    assert_eq!((rows, reading.data.trajectories[1].source.first_row), (vec![2, 3], 4));
}

#[test]
fn a_pause_above_five_median_steps_starts_a_trajectory() {
    let reading = only("t,q,v,tau\n0,1,2,3\n1,1,2,3\n2,1,2,3\n7.0,1,2,3\n12.5,1,2,3\n13.5,1,2,3\n14.5,1,2,3\n").read();
    let times: Vec<&[f64]> = reading.data.trajectories.iter().map(|one| &one.time[..]).collect();
    assert_eq!(times, [&[0.0, 1.0, 2.0, 7.0][..], &[12.5, 13.5, 14.5]]);
    let text = reading.notices[0].to_string();
    assert!(text.ends_with("a pause of 5.5000 s after row 5 (median step 1.0000 s) starts a new trajectory"), "{text}");
}

#[test]
fn a_row_that_stands_alone_is_left_out_and_reported() {
    let reading = only("t,q,v,tau\n0,1,2,3\n20,1,2,3\n21,1,2,3\n22,1,2,3\n").read();
    assert_eq!(reading.data.trajectories.len(), 1);
    assert!(reading.notices[1].to_string().ends_with("row 2 stands alone and is left out"));
    assert_eq!(only("t,q,v,tau\n0,1,2,3\n").error(), "no trajectory of two or more rows is left");
}

#[test]
fn missing_values_are_refused_with_their_place() {
    for (cell, shown) in [("", ""), ("NaN", "NaN"), ("inf", "inf"), ("-inf", "-inf"), ("1e999", "1e999"), ("NA", "NA")]
    {
        let content = format!("t,q,v,tau\n0,1,2,3\n0.1,{cell},5,6\n");
        let expected =
            format!("0.csv, row 3, column `q`: `{shown}` is no finite number; mend it, or use `--split-at-nan`");
        assert_eq!(only(&content).error(), expected);
    }
}

#[test]
fn missing_values_split_on_request() {
    let content = "t,q,v,tau\n0,1,2,3\n1,1,2,3\n2,,2,3\n3,1,2,3\n4,1,2,3\n";
    let reading = only(content).with(|selection| selection.missing = MissingPolicy::Split).read();
    let times: Vec<&[f64]> = reading.data.trajectories.iter().map(|one| &one.time[..]).collect();
    assert_eq!(times, [&[0.0, 1.0][..], &[3.0, 4.0]]);
    assert!(reading.notices[0].to_string().contains("row 4, column `q`: no value"));
    // Text is a mistake, not a gap, whatever the policy; and a split does not hide a clock that runs backwards.
    let text = only("t,q,v,tau\n0,1,2,3\n1,broken,2,3\n").with(|selection| selection.missing = MissingPolicy::Split);
    assert_eq!(text.error(), "0.csv, row 3, column `q`: `broken` is no number");
    let back =
        only("t,q,v,tau\n0,1,2,3\n1,,2,3\n-1,1,2,3\n").with(|selection| selection.missing = MissingPolicy::Split);
    assert_eq!(back.error(), "0.csv, row 4, column `t`: time decreases: 0 in row 2, -1 in row 4");
}

#[test]
fn unusable_cells_and_rows_are_named() {
    for (content, expected) in [
        ("t,q,v,tau\n0,1,2,3\n0.1,x,5,6\n", "0.csv, row 3, column `q`: `x` is no number"),
        (
            "t;q;v;tau\n0;1,5;2;3\n1;2;2;3\n",
            "0.csv, row 2, column `q`: `1,5` is no number; write decimals with a point",
        ),
        ("t,q,v,tau\n0,1,2,3\n\n0.1,1,2\n", "0.csv, row 4: 3 cells, but the header has 4"),
        ("t,q,v,tau\n0,1,2,3,4\n", "0.csv, row 2: 5 cells, but the header has 4"),
        ("t,q,v,tau\n0,1,2,3\n0,1,2,3\n", "0.csv, row 3, column `t`: time repeats: 0 in row 2, 0 in row 3"),
        ("t,q,v,tau\n0,1,2,3\n-1,1,2,3\n", "0.csv, row 3, column `t`: time decreases: 0 in row 2, -1 in row 3"),
        ("0,1,2,3\n1,1,2,3\n", "0.csv: the first row holds only numbers; a header with column names is expected"),
        ("", "0.csv: the file is empty; a header with column names and at least one row are expected"),
        (" \n\n", "0.csv: the file is empty; a header with column names and at least one row are expected"),
        ("t,q,v,tau\n", "0.csv: there is a header but no row"),
        ("t,q,q,v,tau\n0,1,1,2,3\n", "0.csv: the header names `q` 2 times"),
        ("t,Q,v,tau\n0,1,2,3\n", "0.csv: no column `q`, did you mean `Q`?; present: t, Q, v, tau"),
        ("t,position,v,tau\n0,1,2,3\n", "0.csv: no column `q`; present: t, position, v, tau"),
    ] {
        assert_eq!(only(content).error(), expected, "{content:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert_eq!(Case::new(&[b"\xff\xfet\0"]).error(), "0.csv: this is UTF-16; save it as UTF-8");
    assert_eq!(Case::new(&[b"t,\xe9,v\n0,1,2\n"]).error(), "0.csv: the header is not UTF-8 text");
    assert_eq!(Case::new(&[b"t,q,v,tau\n0,1,2,3\n1,\xe9,2,3\n"]).error(), "0.csv, row 3: not UTF-8 text");
}

#[test]
fn the_second_file_is_named_where_it_is_at_fault() {
    let case = Case::new(&[GOOD, b"t,q,tau\n0,1,2\n"]);
    assert_eq!(case.error(), "1.csv: no column `v`; present: t, q, tau");
    let mut case = Case::new(&[GOOD]);
    case.files.push(case.directory.path().join("absent.csv"));
    assert!(case.error().starts_with("absent.csv: No such file"), "{}", case.error());
}

#[test]
fn a_returning_label_is_refused() {
    let case = only("id,t,q,v,tau\na,0,1,2,3\na,1,1,2,3\nb,0,1,2,3\na,2,1,2,3\n");
    let case = case.with(|selection| selection.trajectory = Some("id".to_owned()));
    assert_eq!(case.error(), "0.csv, row 5: trajectory `a` returns after another one; sort the rows by trajectory");
}

#[test]
fn selections_without_sense_are_refused() {
    type Change = fn(&mut Selection);
    let cases: [(Change, &str); 5] = [
        (
            |selection| selection.q.push("tau".to_owned()),
            "2 position columns and 1 momentum column are named; one momentum or velocity per position is expected",
        ),
        (|selection| selection.time = None, "name a time column, or columns with the derivatives (dq and dp)"),
        (|selection| selection.u = vec!["q".to_owned()], "column `q` is named for two quantities"),
        (
            |selection| selection.derivative = Some((vec!["q".to_owned()], Vec::new())),
            "1 dq and 1 dp columns are expected, 1 and 0 are named",
        ),
        (
            |selection| selection.u = (0..17).map(|at| format!("u{at}")).collect(),
            "1 positions and 17 inputs; at most 64 and 16 are possible",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(Case::new(&[GOOD]).with(change).error(), expected);
    }
    let mut none = Case::new(&[GOOD]);
    none.files.clear();
    assert_eq!(none.error(), "no data file is named");
}

#[test]
fn given_derivatives_need_no_time() {
    let case = only("q,v,tau,dq,dv\n1,2,3,4,5\n6,7,8,9,10\n").with(|selection| {
        selection.time = None;
        selection.derivative = Some((vec!["dq".to_owned()], vec!["dv".to_owned()]));
    });
    let data = case.read().data;
    assert_eq!(data.rows().dx.as_deref(), Some(&[4.0, 5.0, 9.0, 10.0][..]));
    assert!(data.trajectories[0].time.is_empty());
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let case = Case::new(&[GOOD]);
    let Err(error) = Table::open(&case.files[0], 10) else { panic!("a file of {} bytes was read", GOOD.len()) };
    let text = error.to_string();
    assert!(text.ends_with("bytes exceed the limit of 10; split the recording into several files"), "{text}");
    let wide = vec!["a"; super::super::MAX_FILE_COLUMNS + 1].join(",");
    assert_eq!(only(&wide).error(), "0.csv: 4097 columns exceed the limit of 4096");
}
