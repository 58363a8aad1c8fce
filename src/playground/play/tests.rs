use super::*;
use crate::playground::Speed;

fn playground() -> Playground {
    Playground::new(Config::default())
}

/// What the terminal was sent, without escape sequences.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' => drop(letters.by_ref().find(char::is_ascii_alphabetic)),
            '\r' => {}
            _ => out.push(letter),
        }
    }
    out
}

fn typed(playground: &mut Playground, keys: &str) -> String {
    shown(&playground.act(Action::Key(keys.as_bytes().to_vec())).terminal)
}

fn pass(playground: &mut Playground, seconds: u64) -> Changes {
    let mut changes = Changes::default();
    for _ in 0..seconds * 10 {
        changes.merge(playground.advance(Duration::from_millis(100), || true));
    }
    changes
}

#[test]
fn the_prompt_of_a_practice_machine_waits_for_the_learner() {
    let mut playground = playground();
    assert!(shown(&playground.screen()).ends_with("learner@practice:~$ "), "{:?}", shown(&playground.screen()));
    assert_eq!(typed(&mut playground, "echo hi\r"), "echo hi\nhi\nlearner@practice:~$ ");
    assert!(!playground.is_busy());
}

#[test]
fn a_command_of_the_lesson_is_typed_visibly_and_waits_for_the_running_one() {
    let mut playground = playground();
    playground.act(Action::RunCommand("sleep 2; echo one".into()));
    assert!(playground.is_busy());
    assert_eq!(shown(&playground.act(Action::RunCommand("echo two".into())).terminal), "");
    let text = shown(&pass(&mut playground, 3).terminal);
    assert!(text.contains("one\nlearner@practice:~$ ") && text.contains("$ echo two\ntwo\n"), "{text:?}");
}

#[test]
fn unfinished_commands_go_on_at_the_second_prompt_and_are_one_entry_of_history() {
    let mut playground = playground();
    let text = typed(&mut playground, "cat <<EOF\rone\rEOF\r");
    assert!(text.contains("> ") && text.contains("one\nlearner@"), "{text:?}");
    assert_eq!(playground.history(), ["cat <<EOF\none\nEOF"]);
    let text = typed(&mut playground, "echo 'a\r\x03echo b\r");
    assert!(text.contains("^C\n") && text.ends_with("b\nlearner@practice:~$ "), "{text:?}");
}

#[test]
fn ctrl_c_stops_a_loop_that_never_ends_and_the_page_stays_alive() {
    let mut playground = playground();
    typed(&mut playground, "while true; do :; done\r");
    pass(&mut playground, 1);
    assert!(playground.is_busy());
    let mut text = typed(&mut playground, "\x03");
    text.push_str(&shown(&pass(&mut playground, 1).terminal));
    assert!(text.ends_with("learner@practice:~$ "), "{text:?}");
}

#[test]
fn the_prompt_stands_behind_output_without_a_line_end() {
    let mut playground = playground();
    assert_eq!(typed(&mut playground, "printf 1\r"), "printf 1\n11learner@practice:~$ ");
}

#[test]
fn tab_completes_files_and_commands() {
    let mut playground = playground();
    playground.act(Action::InsertFile { name: "hello-job.yaml".into(), content: "kind: Job\n".into() });
    typed(&mut playground, "cat he\t");
    assert_eq!(playground.line.world.terminal.line(), "cat hello-job.yaml ");
    typed(&mut playground, "\x15kubec\t");
    assert_eq!(playground.line.world.terminal.line(), "kubectl ");
    typed(&mut playground, "apply -f hel\t");
    assert_eq!(playground.line.world.terminal.line(), "kubectl apply -f hello-job.yaml ");
}

#[test]
fn the_editor_opens_takes_an_inserted_file_and_leaves_the_terminal_as_it_was() {
    let mut playground = playground();
    let text = typed(&mut playground, "nano hello-job.yaml\r");
    assert!(text.contains("GNU nano 7.2") && playground.is_editing());
    assert!(playground.act(Action::RunCommand("ls".into())).notice.is_some());
    playground.act(Action::InsertFile { name: "hello-job.yaml".into(), content: "kind: Job\n".into() });
    typed(&mut playground, "\x18");
    typed(&mut playground, "y");
    typed(&mut playground, "\r");
    assert!(!playground.is_editing());
    assert!(typed(&mut playground, "cat hello-job.yaml\r").contains("\nkind: Job\n"));
}

#[test]
fn a_paused_clock_moves_only_by_steps_and_skips() {
    let mut playground = playground();
    playground.act(Action::Pause);
    playground.act(Action::RunCommand("sleep 5; echo done".into()));
    let before = playground.now();
    pass(&mut playground, 2);
    assert_eq!(playground.now(), before);
    playground.act(Action::Skip(Duration::from_secs(10)));
    playground.advance(Duration::ZERO, || true);
    assert_eq!(playground.now(), before + Duration::from_secs(10));
    assert!(!playground.is_skipping());
    assert!(shown(&playground.screen()).contains("\ndone\n"));
    playground.act(Action::SetSpeed(Speed::X60));
    playground.act(Action::Resume);
    pass(&mut playground, 1);
    assert_eq!(playground.now(), before + Duration::from_secs(70));
}

#[test]
fn a_skip_goes_on_in_the_next_calls_until_it_is_through_and_pause_ends_it() {
    let mut playground = playground();
    playground.act(Action::Pause);
    let before = playground.now();
    let minutes = Duration::from_secs(600);
    playground.act(Action::Skip(minutes));
    playground.advance(Duration::ZERO, || false);
    assert!(playground.is_skipping() && playground.now() < before + minutes);
    while playground.is_skipping() {
        playground.advance(Duration::ZERO, || false);
    }
    assert_eq!(playground.now(), before + minutes);
    playground.act(Action::Skip(minutes));
    playground.advance(Duration::ZERO, || false);
    playground.act(Action::Pause);
    assert!(!playground.is_skipping());
}

#[test]
fn the_next_morning_is_at_six_and_less_than_a_day_away() {
    let playground = playground();
    let morning = playground.until_morning();
    assert_eq!((playground.now() + morning).as_seconds() % 86_400, 6 * 3_600);
    assert!(!morning.is_zero() && morning <= Duration::from_secs(86_400), "{morning:?}");
}

#[test]
fn a_rewound_playground_repeats_what_was_done_or_goes_another_way() {
    let mut playground = playground();
    pass(&mut playground, 2);
    typed(&mut playground, "echo first > a\r");
    pass(&mut playground, 3);
    let middle = playground.now();
    pass(&mut playground, 3);
    typed(&mut playground, "echo second > a\r");
    pass(&mut playground, 1);
    let (end, screen) = (playground.now(), playground.screen());
    let changes = playground.act(Action::Rewind(middle));
    assert!(changes.terminal_reset && playground.now() == middle && playground.end() == end);
    assert!(!shown(&playground.screen()).contains("second"));
    playground.act(Action::Resume);
    pass(&mut playground, 4);
    assert_eq!(playground.now(), end);
    assert_eq!(playground.screen(), screen, "letting time run repeats the history");
    playground.act(Action::Rewind(middle));
    assert!(typed(&mut playground, "cat a\r").contains("\nfirst\n"));
    assert_eq!(playground.end(), playground.now());
    playground.act(Action::Undo);
    assert_eq!(playground.now(), end);
    assert!(typed(&mut playground, "cat a\r").contains("\nsecond\n"));
}

#[test]
fn undo_takes_the_last_command_back_and_reset_all_of_them() {
    let mut playground = playground();
    typed(&mut playground, "echo a > a\r");
    typed(&mut playground, "rm a\r");
    playground.act(Action::Undo);
    assert!(typed(&mut playground, "cat a\r").contains("\na\n"));
    playground.act(Action::Reset);
    assert!(typed(&mut playground, "ls\r").ends_with("ls\nlearner@practice:~$ "));
    playground.act(Action::Undo);
    assert!(typed(&mut playground, "ls\r").contains("\na\n"), "a reset can be undone");
}

#[test]
fn a_saved_playground_comes_back_the_same() {
    let mut first = playground();
    typed(&mut first, "echo kept > f; sleep 3; ec");
    typed(&mut first, "ho later\r");
    pass(&mut first, 1);
    typed(&mut first, "typed while it runs\r");
    pass(&mut first, 4);
    first.act(Action::Resize { columns: 60, rows: 20 });
    first.act(Action::SetSpeed(Speed::X10));
    pass(&mut first, 1);
    let mut second = Playground::restore(Config::default(), &first.save()).unwrap();
    assert_eq!(second.now(), first.now());
    assert_eq!(second.clock(), first.clock());
    assert_eq!(shown(&second.screen()), shown(&first.screen()));
    assert_eq!(second.save(), first.save());
    assert!(typed(&mut second, "cat f\r").contains("\nkept\n"));
    assert!(Playground::restore(Config { seed: 2, ..Config::default() }, &first.save()).is_err());
}

#[test]
fn a_job_runs_before_the_learners_eyes() {
    let mut playground = playground();
    let manifest = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hello-job\nspec:\n  template:\n    spec:\n      containers:\n      - name: hello\n        image: busybox:1.36\n        command: [\"sh\", \"-c\", \"echo Hello from a Job && sleep 2\"]\n      restartPolicy: Never\n";
    playground.act(Action::InsertFile { name: "hello-job.yaml".into(), content: manifest.into() });
    assert!(typed(&mut playground, "k apply -f hello-job.yaml\r").contains("job.batch/hello-job created"));
    let changes = pass(&mut playground, 15);
    assert!(changes.picture);
    let story = playground.diagram().text();
    for part in [
        "kubectl  Job hello-job created",
        "scheduler  hello-job-",
        "kubelet  hello-job-",
        "Running → Succeeded, exit 0",
        "Job hello-job → Complete",
    ] {
        assert!(story.contains(part), "{part} in {story}");
    }
    let picture = playground.picture(8);
    assert_eq!((picture.depots[0].number(), picture.tokens.len()), ("1/1".to_owned(), 1));
    assert!(typed(&mut playground, "kubectl logs job/hello-job\r").contains("\nHello from a Job\n"));
    assert!(
        playground
            .inspect(&playground.diagram().story().last().unwrap().subject.clone())
            .unwrap()
            .contains("kind: Job")
    );
}
