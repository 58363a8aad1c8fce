use super::*;

#[test]
fn time_moves_only_when_told_to() {
    let mut session = Session::new(1);
    assert_eq!(session.time(), Duration::ZERO);
    session.advance(Duration::from_millis(2_500));
    assert_eq!(session.time(), Duration::from_millis(2_500));
}

#[test]
fn a_line_runs_to_its_end_and_waits_in_virtual_time() {
    let mut session = Session::new(1);
    let outcome = session.run("echo out; echo err >&2; sleep 2; exit 3");
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.exit), ("out\n", "err\n", 3));
    assert_eq!(outcome.time, Duration::from_secs(2));
}

#[test]
fn a_line_that_never_ends_is_interrupted() {
    for line in ["sleep 100000", "while true; do :; done"] {
        let mut session = Session::new(1);
        let outcome = session.run(line);
        assert_eq!(outcome.exit, 130, "{line}");
        assert!(outcome.time >= PATIENCE && outcome.time <= PATIENCE + FAREWELL * 2, "{line}: {:?}", outcome.time);
    }
}

#[test]
fn a_background_line_tells_when_it_printed_what() {
    let mut session = Session::new(1);
    session.advance(Duration::from_secs(3));
    session.start("a", "echo 1; sleep 1; echo 2; sleep 60; echo 3").unwrap();
    assert!(session.start("a", "true").is_err());
    session.advance(Duration::from_secs(5));
    let (lines, exit) = session.stop("a").unwrap();
    let told: Vec<(u64, &str)> = lines.iter().map(|line| (line.time.as_secs(), line.text.as_str())).collect();
    assert_eq!((told, exit), (vec![(0, "1\n"), (1, "2\n")], 130));
    assert!(session.stop("a").is_err());
}

#[test]
fn until_tries_again_and_gives_up_in_time() {
    let mut session = Session::new(1);
    session.start("writer", "sleep 2; echo ready > state").unwrap();
    assert_eq!(session.until("cat state", "^ready", Duration::from_secs(10)), Ok(true));
    assert!(session.time() >= Duration::from_secs(2) && session.time() < Duration::from_secs(3));
    assert_eq!(session.until("cat state", "never", Duration::from_secs(1)), Ok(false));
    assert!(session.until("true", "(", Duration::from_secs(1)).is_err());
}

#[test]
fn a_written_file_belongs_to_the_learner_and_lies_in_the_home_directory() {
    let mut session = Session::new(1);
    session.write("folder/f.yaml", "kind: Job\n").unwrap();
    assert_eq!(
        session.run("cat ~/folder/f.yaml; echo more >> folder/f.yaml; tail -n 1 folder/f.yaml").stdout,
        "kind: Job\nmore\n"
    );
}
