//! What was written is read back; what can't be is said, not guessed.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use racecheck_report::model::{Call, DecodeError, Found, Held, Known, Learnt, Misuse, Order, SCHEMA_VERSION};
use racecheck_report::{Access, Finding, FindingKind, Frame, Location, Op, Stack, Thread};

fn frame() -> impl Strategy<Value = Frame> {
    (
        option::of(any::<String>()),
        option::of(any::<String>()),
        any::<(u32, u32, u64, bool)>(),
        option::of("/[a-z]*"),
    )
        .prop_map(|(function, file, (line, column, offset, inlined), module)| Frame {
            function,
            file,
            line,
            column,
            module,
            offset,
            inlined,
        })
}

fn stack() -> impl Strategy<Value = Stack> {
    (vec(frame(), 0..4), any::<bool>()).prop_map(|(frames, lost)| Stack { frames, lost })
}

fn access() -> impl Strategy<Value = Access> {
    let op = prop_oneof![
        Just(Op::Read),
        Just(Op::Write),
        Just(Op::AtomicRead),
        Just(Op::AtomicWrite),
        Just(Op::Free),
        Just(Op::Alloc),
        Just(Op::ThreadExit),
        Just(Op::Call),
    ];
    (op, any::<(u64, u64, u32)>(), stack()).prop_map(|(op, (address, size, thread), stack)| Access {
        op,
        address,
        size,
        thread,
        stack,
    })
}

fn location() -> impl Strategy<Value = Location> {
    let heap = (any::<(u64, u64, u64, bool, u32)>(), stack()).prop_map(
        |((address, size, offset, freed, allocated_by), stack)| Location::Heap {
            address,
            size,
            offset,
            freed,
            allocated_by,
            stack,
        },
    );
    let global = (any::<(String, u64, u64, u64)>(), option::of(any::<String>())).prop_map(
        |((name, address, size, offset), module)| Location::Global { name, address, size, offset, module },
    );
    let object = (any::<(String, u64, u64, u64)>(), option::of(any::<String>()), stack()).prop_map(
        |((kind, address, size, offset), name, made_at)| Location::Object {
            kind,
            name,
            address,
            size,
            offset,
            made_at,
        },
    );
    prop_oneof![
        heap,
        object,
        global,
        any::<u32>().prop_map(|thread| Location::Stack { thread }),
        any::<u32>().prop_map(|thread| Location::Tls { thread }),
        option::of(any::<String>()).prop_map(|module| Location::Mapped { module }),
    ]
}

fn thread() -> impl Strategy<Value = Thread> {
    (any::<u32>(), option::of(any::<String>()), any::<bool>(), option::of(any::<u32>()), stack()).prop_map(
        |(id, name, running, created_by, created_at)| Thread { id, name, running, created_by, created_at },
    )
}

fn misuse() -> impl Strategy<Value = Misuse> {
    let call = (any::<String>(), stack()).prop_map(|(heading, stack)| Call { heading, stack });
    (any::<(String, String, bool)>(), vec(call, 0..3)).prop_map(|((rule, message, fatal), calls)| Misuse {
        rule,
        message,
        fatal,
        calls,
    })
}

fn order() -> impl Strategy<Value = Order> {
    let learnt = prop_oneof![Just(Learnt::Nothing), Just(Learnt::Earlier)];
    let held = (any::<u64>(), any::<bool>(), stack()).prop_map(|(address, shared, stack)| Held {
        address,
        shared,
        stack,
    });
    let locks = vec(held, 0..2).boxed();
    (option::of(learnt), option::of(locks.clone()), option::of(locks))
        .prop_map(|(learnt, access_locks, previous_locks)| Order { learnt, access_locks, previous_locks })
}

fn found() -> impl Strategy<Value = Found> {
    let known = prop_oneof![
        Just(Known::Baseline),
        option::of(any::<String>()).prop_map(|reason| Known::Suppression { reason }),
    ];
    (any::<u64>(), btree_map(any::<String>(), any::<u64>(), 0..3), option::of(known))
        .prop_map(|(count, shards, known)| Found { count, shards, known })
}

fn finding() -> impl Strategy<Value = Finding> {
    let kind =
        prop_oneof![Just(FindingKind::DataRace), Just(FindingKind::UseAfterFree), Just(FindingKind::Misuse)];
    (
        any::<(u32, String)>(),
        kind,
        (access(), access()),
        option::of(location()),
        vec(thread(), 0..3),
        option::of(any::<String>()),
        option::of(misuse()),
        (option::of(order()), option::of(found())),
    )
        .prop_map(|((pid, program), kind, (access, previous), location, threads, test, misuse, more)| {
            let (order, found) = more;
            Finding {
                schema: SCHEMA_VERSION,
                pid,
                program,
                kind,
                access,
                previous,
                location,
                threads,
                test,
                misuse,
                order,
                found,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_line_gives_back_its_finding(finding in finding()) {
        let line = finding.to_json_line();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(Finding::from_json_line(&line), Ok(finding));
    }

    #[test]
    fn any_finding_can_be_shown(finding in finding()) {
        let mut text = String::new();
        racecheck_report::text::write_finding(&mut text, &finding, &Default::default()).unwrap();
        let said = text.strip_prefix("==================\n");
        prop_assert!(said.is_some_and(|said| said.starts_with("WARNING: ") || said.starts_with("fatal error: ")));
    }

    #[test]
    fn a_line_that_was_cut_off_is_broken(finding in finding(), cut in any::<prop::sample::Index>()) {
        let line = finding.to_json_line();
        let mut end = cut.index(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let is_broken = matches!(Finding::from_json_line(&line[..end]), Err(DecodeError::Broken { .. }));
        prop_assert!(is_broken);
    }
}

fn small() -> Finding {
    let access = Access { op: Op::AtomicWrite, address: 16, size: 4, thread: 0, stack: Stack::lost() };
    Finding {
        schema: SCHEMA_VERSION,
        pid: 1,
        program: "/bin/a".into(),
        kind: FindingKind::DataRace,
        access: access.clone(),
        previous: access,
        location: Some(Location::Stack { thread: 0 }),
        threads: vec![],
        test: None,
        misuse: None,
        order: None,
        found: None,
    }
}

/// The form is a contract: a change here is a change of the schema.
#[test]
fn the_form_is_stable() {
    let access =
        r#"{"op":"atomic-write","address":16,"size":4,"thread":0,"stack":{"frames":[],"lost":true}}"#;
    let expected = format!(
        r#"{{"schema":1,"pid":1,"program":"/bin/a","kind":"data-race","access":{access},"previous":{access},"location":{{"in":"stack","thread":0}},"threads":[],"test":null}}"#
    );
    assert_eq!(small().to_json_line(), expected);
}

#[test]
fn a_newer_schema_is_said() {
    let line = r#"{"schema":2,"what":"is here can't be known"}"#;
    let error = Finding::from_json_line(line).unwrap_err();
    assert_eq!(error, DecodeError::NewerSchema { found: 2 });
    assert!(error.to_string().contains("schema 2"));
}

#[test]
fn what_is_no_finding_is_broken() {
    for line in
        ["", "  ", "{", "[]", "null", "{}", "thread 'main' panicked", r#"{"schema":1}"#, r#"{"schema":-1}"#]
    {
        assert!(matches!(Finding::from_json_line(line), Err(DecodeError::Broken { .. })), "{line}");
    }
    // Deep nesting must not exhaust the stack.
    let deep = format!(r#"{{"schema":1,"x":{}"#, "[".repeat(100_000));
    assert!(Finding::from_json_line(&deep).is_err());
}

#[test]
fn unknown_fields_are_overlooked() {
    let line = small().to_json_line().replacen('{', r#"{"later":{"a":[1]},"#, 1);
    assert_eq!(Finding::from_json_line(&line), Ok(small()));
}
