"""Lines of a trace in, uses of places out: each way that a call can lead somewhere, and what a program may try to hide it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.net_audit.kernel import UNKNOWN, Kernel
from epochly.net_audit.model import Ledger, Place

FAR = '{sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}'
FAR_PLACE = Place("AF_INET", "192.0.2.1", 443, "tcp")
SOCKET = "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3<socket:[900]>"
QUESTION = r'"\0224\1\0\0\1\0\0\0\0\0\0\3api\7example\3com\0\0\1\0\1"'
ANSWER = r'"\0224\201\200\0\1\0\1\0\0\0\0\3api\7example\3com\0\0\1\0\1\300\f\0\1\0\1\0\0\0<\0\4\300\0\2\1"'


def ledger(*lines, pid=7):
    """What the lines of one process come to; a pair names another process."""
    kernel = Kernel(Ledger())
    for number, line in enumerate(lines):
        who, text = line if isinstance(line, tuple) else (pid, line)
        kernel.line(f"{who} 1700000000.{number:06} {text}\n")
    return kernel.finish()


def test_a_connection_is_a_use_of_its_place():
    """With its protocol, when it was first, how often, by whom, and whether it came to something."""
    found = ledger(
        SOCKET,
        f"connect(3<socket:[900]>, {FAR}, 16) = 0",
        f"connect(3<socket:[900]>, {FAR}, 16) = -1 ECONNREFUSED (x)",
    )
    (place,), (uses,) = found.places, found.places.values()
    assert place == FAR_PLACE
    assert (uses.count, uses.failed, uses.how, uses.pids) == (2, 1, {"connect"}, {7: 2})


def test_a_connection_that_goes_on_is_no_failure():
    """`EINPROGRESS` is how every client that does not block begins."""
    found = ledger(
        SOCKET, f"connect(3<socket:[900]>, {FAR}, 16) = -1 EINPROGRESS (Operation now in progress)"
    )
    assert found.places[FAR_PLACE].failed == 0


def test_a_call_that_another_process_interrupts_is_put_together():
    """Lines of several processes are one trace; one that never ends counts."""
    found = ledger(
        SOCKET,
        f"connect(3<socket:[900]>, {FAR}, 16 <unfinished ...>",
        (8, "socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 4<socket:[901]>"),
        "<... connect resumed>) = 0",
        (8, f"connect(4<socket:[901]>, {FAR}, 16 <unfinished ...>"),
    )
    assert set(found.places) == {FAR_PLACE, Place("AF_INET", "192.0.2.1", 443, "udp")}


def test_each_way_of_sending_is_a_use():
    """`sendto`, `sendmsg` and `sendmmsg` with an address lead there without a connection; without one they add nothing."""
    found = ledger(
        "socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) = 3<socket:[900]>",
        f'sendto(3<socket:[900]>, "x", 1, 0, {FAR}, 16) = 1',
        f'sendmsg(3<socket:[900]>, {{msg_name={FAR}, msg_namelen=16, msg_iov=[{{iov_base="x", iov_len=1}}], msg_iovlen=1, msg_controllen=0, msg_flags=0}}, 0) = 1',
        f'sendmmsg(3<socket:[900]>, [{{msg_hdr={{msg_name={FAR}, msg_namelen=16, msg_iov=[{{iov_base="x", iov_len=1}}], msg_iovlen=1, msg_controllen=0, msg_flags=0}}, msg_len=1}}], 1, 0) = 1',
        'sendto(3<socket:[900]>, "x", 1, 0, NULL, 0) = 1',
    )
    ((place, uses),) = found.places.items()
    assert (place.protocol, uses.how, uses.count) == ("udp", {"send"}, 3)


def test_families_without_an_address_are_told_by_name():
    """Unix sockets by their path, netlink by what is asked, and a family that nobody knows as it is."""
    found = ledger(
        'connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (x)',
        'connect(3<socket:[2]>, {sa_family=AF_UNIX, sun_path=@"hidden"}, 110) = 0',
        "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 4<socket:[3]>",
        'sendto(4<socket:[3]>, "x", 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20',
        "connect(3<socket:[5]>, {sa_family=AF_VSOCK, svm_cid=0x2, svm_port=0x50}, 16) = 0",
    )
    assert set(found.places) == {
        Place("AF_UNIX", "/run/nscd/socket", None),
        Place("AF_UNIX", "@hidden", None),
        Place("AF_NETLINK", "NETLINK_ROUTE", None),
        Place("AF_VSOCK", "svm_cid=0x2, svm_port=0x50", None),
    }


def test_ipv6_and_ipv4_inside_of_it_are_read():
    """The one as it is, the other as IPv4, by which rules and lists are written."""
    text = 'connect(3<socket:[1]>, {{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "{}", &sin6_addr), sin6_scope_id=0}}, 28) = 0'
    found = ledger(text.format("2001:db8::1"), text.format("::ffff:192.0.2.1"))
    assert [(place.family, place.address) for place in found.places] == [
        ("AF_INET6", "2001:db8::1"),
        ("AF_INET", "192.0.2.1"),
    ]


def test_a_look_up_tells_the_name_and_what_it_got():
    """A question to a connected resolver, and the answer that gives an address its name."""
    found = ledger(
        "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 3<socket:[900]>",
        'connect(3<socket:[900]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, 16) = 0',
        f"sendmmsg(3<socket:[900]>, [{{msg_hdr={{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base={QUESTION}, iov_len=33}}], msg_iovlen=1, msg_controllen=0, msg_flags=0}}, msg_len=33}}], 1, MSG_NOSIGNAL) = 1",
        f'recvfrom(3<socket:[900]>, {ANSWER}, 2048, 0, {{sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}}, [28 => 16]) = 49',
    )
    assert list(found.asked) == ["api.example.com"]
    assert found.answers == {"api.example.com": {"192.0.2.1"}}


def test_a_look_up_of_a_route_is_told_from_a_connection():
    """A datagram socket that is connected to port 0 sends nothing: so a resolver sorts addresses."""
    found = ledger(
        "socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 3<socket:[900]>",
        'connect(3<socket:[900]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("192.0.2.1")}, 16) = 0',
        'connect(3<socket:[900]>, {sa_family=AF_UNSPEC, sa_data="\\0\\0"}, 16) = 0',
    )
    assert [uses.how for uses in found.places.values()] == [{"route"}]


def test_what_is_offered_is_noted_with_who_came():
    """A listener with its address, and each peer without its port."""
    found = ledger(
        "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3<socket:[900]>",
        'bind(3<socket:[900]>, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
        "listen(3<socket:[900]>, 5) = 0",
        'accept4(3<socket:[900]>, {sa_family=AF_INET, sin_port=htons(50000), sin_addr=inet_addr("192.0.2.9")}, [16], SOCK_CLOEXEC) = 4<socket:[901]>',
    )
    assert {place: uses.how for place, uses in found.places.items()} == {
        Place("AF_INET", "0.0.0.0", 8080, "tcp"): {"listen"},
        Place("AF_INET", "192.0.2.9", None, "tcp"): {"accept"},
    }


def test_processes_are_named_after_the_program_they_run():
    """A thread is its process; a fork is called as its parent until it runs something else."""
    found = ledger(
        'execve("/usr/bin/python3", ["python3"], 0x7ffe /* 20 vars */) = 0',
        "clone3({flags=CLONE_VM|CLONE_THREAD, child_tid=0x7f}, 88) = 8",
        "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 9",
        "vfork() = 10",
        (10, 'execve("/usr/bin/curl", ["curl", "\\") = 0"], 0x7ffe /* 20 vars */) = 0'),
        (10, 'execve("/nowhere", ["nowhere"], 0x7ffe /* 20 vars */) = -1 ENOENT (No such file or directory)'),
    )
    assert [found.process(pid) for pid in (7, 8, 9, 10)] == [
        (7, "python3"),
        (7, "python3"),
        (9, "python3"),
        (10, "curl"),
    ]


def test_an_address_that_cannot_be_read_is_a_place_that_nobody_knows():
    """What the kernel did not refuse happened, whether or not it could be read: it is never left out."""
    for text in (
        "connect(3<socket:[9]>, 0x7ffd1234, 16) = 0",
        "connect(3<socket:[9]>, {sa_family=AF_INET, sin_port=htons(443), sin_addr=wonder}, 16) = 0",
        "<... connect resumed>) = 0",
        'sendto(3<socket:[9]>, "x", 1, 0, 0x7ffd1234, 16) = 1',
        "sendmsg(3<socket:[9]>, 0x7ffd1234, 0) = 1",
    ):
        assert list(ledger(text).places) == [UNKNOWN], text
    assert not ledger("connect(3<socket:[9]>, 0x7ffd1234, 16) = -1 EFAULT (Bad address)").places


def test_a_payload_that_looks_like_an_address_is_none():
    """A program cannot write a destination into the report, nor end a call early to keep one out."""
    found = ledger(
        SOCKET,
        r'sendto(3<socket:[900]>, "\", 1, 0, '
        + FAR.replace('"', r"\"")
        + r', 16) = 1", 90, 0, NULL, 0) = 90',
        r'connect(3<socket:[900]>, {sa_family=AF_UNIX, sun_path="/tmp/\"}, 110) = -1 EBADF (x)"}, 110) = 0',
    )
    assert [place.family for place in found.places] == ["AF_UNIX"]


def test_what_cannot_be_followed_is_noted():
    """`io_uring`, descriptors from elsewhere, and lines that are none."""
    found = ledger(
        "io_uring_setup(8, {flags=0}) = 3",
        "io_uring_setup(8, {flags=0}) = -1 EPERM (Operation not permitted)",
        'recvmsg(3<socket:[9]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="SCM_RIGHTS", iov_len=1}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 1',
    )
    assert found.notes == {"io_uring_setup": 1}
    given = "msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[4]}]"
    found = ledger(f"recvmsg(3<socket:[9]>, {{msg_name=NULL, msg_iov=[], {given}}}, 0) = 1")
    assert found.notes == {"SCM_RIGHTS": 1}
    kernel = Kernel(Ledger())
    kernel.line("strace: something went wrong\n")
    assert kernel.finish().notes == {"a line of the trace that cannot be read": 1}
    assert list(kernel.finish().places) == [UNKNOWN]


@settings(max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=80),
            st.builds(
                lambda name, start, end: f"{name}(3<socket:[900]>, {start}{FAR}{end}, 16) = 0",
                st.sampled_from(
                    [
                        "connect",
                        "sendto",
                        "sendmsg",
                        "sendmmsg",
                        "recvmsg",
                        "bind",
                        "accept4",
                        "execve",
                        "clone3",
                    ]
                ),
                st.text(max_size=20),
                st.text(max_size=20),
            ),
        ),
        max_size=8,
    )
)
def test_any_trace_gives_a_ledger(lines):
    """Hostile text is at most a note or a place that nobody knows."""
    assert isinstance(ledger(*lines), Ledger)
