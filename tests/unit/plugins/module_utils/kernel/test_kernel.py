# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.kernel import app, model, plan, render
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.files import FileProblem
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.kernel.fake_kernel import FakeKernel
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import Cut, Power
from hypothesis import given, settings
from hypothesis import strategies as st

NOTHING = model.Settings()


def want(modules=(), sysctls=None, optional=None):
    entries = [entry if isinstance(entry, dict) else {"name": entry} for entry in modules]
    return model.settings_of(entries, sysctls or {}, optional or {})


# -- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.100/arp_ignore", "net/ipv4/conf/eth0.100/arp_ignore"),
        ("net.ipv4.conf.eth0/100.arp_ignore", "net/ipv4/conf/eth0.100/arp_ignore"),
        ("net/../../etc/passwd", None),
        ("net..ipv4", None),
        ("/net/ipv4", None),
        ("ip_forward", None),
        ("net.ipv4.conf.*.arp_ignore", None),
    ],
)
def test_keys_have_one_form(name, key):
    assert model.sysctl_key(name) == key


def test_every_finding_is_told_at_once():
    with pytest.raises(model.SettingsProblem) as caught:
        want(
            [{"name": "ip vs"}, {"name": "ipip", "parameters": {"a b": 1}}],
            {"nonsense": 1, "net.ipv4.ip_forward": {"a": 1}, "net.ipv4.vs.conntrack": 1},
            {"net/ipv4/vs/conntrack": 0},
        )
    text = str(caught.value)
    assert len(text.splitlines()) == 5
    for word in ("'ip vs'", "ipip", "nonsense", "net.ipv4.ip_forward", "given twice, with 1 and 0"):
        assert word in text


def test_values_compare_as_the_kernel_means_them():
    assert model.same("net/ipv4/vs/sync_threshold", "3\t50", "3 50")
    assert model.same("net/ipv4/vs/drop_entry", "2", "1")
    assert not model.same("net/ipv4/vs/drop_entry", "1", "2")
    assert not model.same("net/ipv4/conf/all/rp_filter", "2", "1")
    assert model.same_parameter("Y", "1") and model.same_parameter("N", "0") and not model.same_parameter("12", "16")
    assert want(sysctls={"net.ipv4.ip_forward": True, "a.b": [3, 50]}).sysctls == {
        "net/ipv4/ip_forward": "1",
        "a/b": "3 50",
    }


def test_files_say_forwarding_first_and_mark_the_optional():
    wanted = want(
        [{"name": "ip-vs", "parameters": {"conn_tab_bits": 16}}, "ipip"],
        {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.ip_forward": 1, "net/ipv4/conf/eth0.100/arp_ignore": 1},
        {"net.ipv4.vs.est_cpulist": "0"},
    )
    texts = {path: text.splitlines()[1:] for path, text in render.files("app", wanted).items()}
    assert texts == {
        "/etc/sysctl.d/70-mixed-lb-app.conf": [
            "net.ipv4.ip_forward = 1",
            "net.ipv4.conf.all.arp_ignore = 1",
            "-net.ipv4.vs.est_cpulist = 0",
            "net/ipv4/conf/eth0.100/arp_ignore = 1",
        ],
        "/etc/modules-load.d/mixed-lb-app.conf": ["ip_vs", "ipip"],
        "/etc/modprobe.d/mixed-lb-app.conf": ["options ip_vs conn_tab_bits=16"],
    }
    assert set(render.files("app", NOTHING).values()) == {None}


# -- one scope ------------------------------------------------------------------------------------------------------

DIRECTOR = want(
    [{"name": "ip_vs", "parameters": {"conn_tab_bits": 16}}, "ip_vs_rr"],
    {"net.ipv4.ip_forward": 1, "net.ipv4.vs.conntrack": 1, "net.ipv4.conf.all.accept_redirects": 1},
    {"net.ipv4.vs.est_nice": 5},
)


def test_one_call_does_it_all_and_the_next_runs_nothing():
    kernel = FakeKernel()
    outcome = app.apply("app", DIRECTOR, kernel.host)
    assert outcome.changed and outcome.loaded == ["nf_conntrack", "ip_vs", "ip_vs_rr"]
    assert kernel.parameters["ip_vs"] == {"conn_tab_bits": "16"} and not outcome.reload_needed
    assert kernel.sysctls["net/ipv4/vs/conntrack"] == "1"
    assert kernel.sysctls["net/ipv4/conf/all/accept_redirects"] == "1", "reset by ip_forward, so set again"
    assert kernel.sets[0] == "net/ipv4/ip_forward"
    kernel.calls.clear()
    kernel.sets.clear()
    assert not app.apply("app", DIRECTOR, kernel.host).changed
    assert not kernel.calls and not kernel.sets


def test_check_mode_predicts_and_touches_nothing():
    kernel = FakeKernel()
    before = kernel.state()
    predicted = app.apply("app", DIRECTOR, kernel.host, check=True)
    assert predicted.changed and predicted.loaded == ["ip_vs", "ip_vs_rr"]
    assert plan.Write("net/ipv4/vs/conntrack", None, "1") in predicted.writes
    assert kernel.state() == before and not kernel.sets
    assert kernel.calls == [["modprobe", "--dry-run", "--all", "ip_vs", "ip_vs_rr"]]
    real = app.apply("app", DIRECTOR, kernel.host)
    assert real.files == predicted.files
    # a key that came with its module may turn out to be right already
    assert {w.key for w in real.writes} <= {w.key for w in predicted.writes}


def test_drift_is_repaired_and_foreign_keys_are_left():
    kernel = FakeKernel()
    app.apply("app", DIRECTOR, kernel.host)
    kernel.sysctls["net/ipv4/vs/conntrack"] = "0"
    kernel.sysctls["net/ipv4/conf/all/arp_ignore"] = "3"
    outcome = app.apply("app", DIRECTOR, kernel.host)
    assert outcome.writes == (plan.Write("net/ipv4/vs/conntrack", "0", "1"),)
    assert kernel.sysctls["net/ipv4/conf/all/arp_ignore"] == "3"


def test_a_running_module_keeps_its_parameter_and_that_is_told():
    kernel = FakeKernel()
    kernel(["modprobe", "--all", "ip_vs"])
    outcome = app.apply("app", DIRECTOR, kernel.host)
    assert outcome.reload_needed == [plan.ReloadNeeded("ip_vs", "conn_tab_bits", "12", "16")]
    assert app.apply("app", DIRECTOR, kernel.host, check=True).reload_needed, "told until it is true"


def test_modules_that_were_there_before_stay():
    kernel = FakeKernel()
    kernel(["modprobe", "--all", "ip_vs"])
    before = kernel.state()
    app.apply("app", DIRECTOR, kernel.host)
    app.apply("app", NOTHING, kernel.host)
    assert kernel.state() == before


def test_what_came_on_demand_goes_too():
    kernel = FakeKernel()
    before = kernel.state()
    app.apply("app", want(["ip_vs"]), kernel.host)
    kernel(["modprobe", "--all", "ip_vs_sh"])
    assert app.apply("app", NOTHING, kernel.host).unloaded[:2] == ["ip_vs_sh", "ip_vs"]
    assert kernel.state() == before


def test_a_scheduler_of_before_stays_for_the_table_and_goes_with_the_scope():
    kernel = FakeKernel()
    kernel(["modprobe", "--all", "ip_vs"])
    before = kernel.state()
    app.apply("app", want(["ip_vs", "ip_vs_rr"]), kernel.host)
    kernel.busy = {"ip_vs_rr"}
    outcome = app.apply("app", want(["ip_vs", "ip_vs_sh"]), kernel.host)
    assert (outcome.unloaded, outcome.warnings) == ([], [])
    kernel.busy = set()
    assert not app.apply("app", want(["ip_vs", "ip_vs_sh"]), kernel.host).changed
    app.apply("app", NOTHING, kernel.host)
    assert kernel.state() == before


def test_what_may_hold_rules_of_others_is_left():
    kernel = FakeKernel()
    app.apply("app", want(["nf_conntrack", "ip_vs"]), kernel.host)
    kernel(["modprobe", "--all", "nf_nat"])
    outcome = app.apply("app", NOTHING, kernel.host)
    assert outcome.unloaded == ["ip_vs"] and kernel.modules == ["nf_conntrack", "nf_nat"]
    assert outcome.warnings == ["kernel module nf_conntrack stays loaded until the next boot: in use by nf_nat"]


def test_a_module_in_use_is_left_with_a_warning():
    kernel = FakeKernel()
    app.apply("app", want(["ip_vs"]), kernel.host)
    kernel(["modprobe", "--all", "ip_vs_sh"])
    kernel.busy = {"ip_vs_sh"}
    outcome = app.apply("app", NOTHING, kernel.host)
    assert outcome.warnings == [
        "kernel module ip_vs stays loaded until the next boot: rmmod: ERROR: Module ip_vs is in use by: ip_vs_sh"
    ]
    assert outcome.unloaded == [] and "ip_vs" in kernel.modules and not kernel.files.content


def test_builtin_modules_count_as_loaded():
    kernel = FakeKernel()
    app.apply("app", want(["dummy-builtin"]), kernel.host)
    assert not kernel.calls


# -- refusals: nothing stays half done --------------------------------------------------------------------------------


def refused(kernel, wanted, error=model.SettingsProblem, scope="app", **kwargs):
    before = kernel.state()
    with pytest.raises(error) as caught:
        app.apply(scope, wanted, kernel.host, **kwargs)
    assert kernel.state() == before
    return str(caught.value)


def test_unknown_keys_are_named():
    text = refused(FakeKernel(), want(sysctls={"net.ipv4.ip_forwrd": 1, "net.ipv4.ip_forward": 1}))
    assert "no sysctl net/ipv4/ip_forwrd" in text and "optional_sysctls" in text
    assert "no sysctl net/ipv4/vs/nonsense" in refused(
        FakeKernel(), want(["ip_vs"], {"net.ipv4.vs.nonsense": 1, "net.ipv4.vs.conntrack": 1})
    )


def test_a_missing_module_is_told_in_check_mode_too():
    for check in (True, False):
        assert "Module ip_vs_twos not found" in refused(FakeKernel(), want(["ip_vs", "ip_vs_twos"]), check=check)


def test_a_container_is_told():
    kernel = FakeKernel()
    kernel.read_only = True
    assert "in a container" in refused(kernel, want(sysctls={"net.ipv4.ip_forward": 1}))


def test_a_value_that_the_kernel_refuses_puts_all_back():
    kernel = FakeKernel()
    kernel.refused = {"net/ipv4/vs/conntrack"}
    assert "cannot set 1 in /proc/sys/net/ipv4/vs/conntrack: Invalid argument" in refused(kernel, DIRECTOR, FileProblem)


def test_two_scopes_must_agree():
    kernel = FakeKernel()
    app.apply("nat", want(["ip_vs"], {"net.ipv4.vs.conntrack": 1}), kernel.host)
    text = refused(kernel, want(["ip_vs"], {"net.ipv4.vs.conntrack": 0}), scope="dr")
    assert "scope dr wants 0, scope nat wants 1" in text


def test_a_damaged_record_is_named():
    kernel = FakeKernel()
    kernel.files.content["/var/lib/mixed_lb/kernel/app.json"] = "{}"
    assert "/var/lib/mixed_lb/kernel/app.json is damaged" in refused(kernel, NOTHING)


# -- laws -------------------------------------------------------------------------------------------------------------

VALUES = {  # one value a key, so that scopes agree
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net/ipv4/conf/eth0.100/arp_ignore": 2,
    "net.netfilter.nf_conntrack_max": 99,
    "net.ipv4.vs.conntrack": 1,
    "net.ipv4.vs.sync_threshold": "1 10",
}
WANTS = st.builds(
    lambda modules, keys: want(modules, optional={key: VALUES[key] for key in keys}),
    st.lists(st.sampled_from(["nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_sh", "ipip"]), unique=True),
    st.sets(st.sampled_from(sorted(VALUES))),
)
STARTS = st.builds(
    lambda modules, values: (modules, values),
    st.lists(st.sampled_from(["nf_conntrack", "ip_vs", "ip_vs_rr", "ipip"]), unique=True),
    st.fixed_dictionaries(
        {"net/ipv4/conf/all/arp_ignore": st.sampled_from("0123"), "net/ipv4/ip_forward": st.sampled_from("01")}
    ),
)


def host_with(start):
    kernel = FakeKernel()
    modules, values = start
    if modules:
        kernel(["modprobe", "--all", *modules])
    kernel.sysctls.update(values)
    return kernel


@settings(max_examples=150, deadline=None)
@given(
    STARTS, st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), WANTS), max_size=6), st.permutations(["a", "b", "c"])
)
def test_scopes_converge_and_undo_in_any_order(start, steps, order):
    kernel = host_with(start)
    before = kernel.state()
    for scope, wanted in steps:
        predicted = app.apply(scope, wanted, kernel.host, check=True)
        outcome = app.apply(scope, wanted, kernel.host)
        assert outcome.changed == predicted.changed and not outcome.warnings
        assert not app.apply(scope, wanted, kernel.host).changed, "a second run changes nothing"
        for key, value in wanted.sysctls.items():
            assert key not in kernel.sysctls or model.same(key, kernel.sysctls[key], value)
        assert set(wanted.modules) <= set(kernel.modules)
    wishes = dict(steps)
    for scope in order:
        app.apply(scope, NOTHING, kernel.host)
        wishes.pop(scope, None)
        for other, wanted in wishes.items():
            outcome = app.apply(other, wanted, kernel.host, check=True)
            assert not (outcome.writes or outcome.loaded), "what another scope wants stays"
    assert kernel.state() == before


@settings(max_examples=150, deadline=None)
@given(STARTS, WANTS, WANTS)
def test_without_purge_nothing_goes_and_the_next_run_ends_where_it_would_have_ended(start, first, second):
    kernel, straight = host_with(start), host_with(start)
    for one in (kernel, straight):
        app.apply("a", first, one.host)
    predicted = app.apply("a", second, kernel.host, check=True, purge=False)
    outcome = app.apply("a", second, kernel.host, purge=False)
    assert outcome.changed == predicted.changed and not outcome.unloaded
    assert set(outcome.kept) == set(predicted.kept) == {*first.names()} - {*second.names()}
    for key, value in {**first.sysctls, **second.sysctls}.items():
        assert key not in kernel.sysctls or model.same(key, kernel.sysctls[key], value)
    assert {*first.modules, *second.modules} <= set(kernel.modules)
    for wanted in (second, NOTHING):
        assert not app.apply("a", wanted, kernel.host, purge=False).changed
    assert not app.apply("a", second, kernel.host, check=True).kept
    for one in (kernel, straight):
        app.apply("a", second, one.host)
        app.apply("a", NOTHING, one.host)
    assert kernel.state() == straight.state()


@given(WANTS)
def test_a_record_reads_back(wanted):
    record = model.Record(wanted, {"a/b": "1 2"}, wanted.modules)
    assert model.record_from_json(model.record_to_json(record), "x") == record


@settings(max_examples=200, deadline=None)
@given(STARTS, WANTS, st.one_of(WANTS, st.just(NOTHING)), st.integers(0, 30))
def test_what_a_power_cut_left_half_done_is_known_and_goes(start, first, second, done):
    kernel = host_with(start)
    before = kernel.state()
    app.apply("a", first, kernel.host)
    power = Power(done)
    with contextlib.suppress(Cut):
        app.apply("a", second, app.Host(power.drives(kernel), power.drives(kernel.files), power.drives(kernel)))
    app.apply("a", NOTHING, kernel.host)
    # a dependency that came with the others may have gone unnoticed
    if "nf_conntrack" not in start[0] and "nf_conntrack" in kernel.modules:
        kernel(["rmmod", "nf_conntrack"])
    assert kernel.state() == before
