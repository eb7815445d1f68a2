"""Numbers of the system calls that a child is refused (`ingest.child.confine`), on the two architectures docqa knows.

From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h; None where the
architecture never had the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Table = Mapping[str, tuple[int | None, int | None]]


class Numbers(NamedTuple):
    """One architecture: which number of a pair is its own, its AUDIT_ARCH value and its number of `seccomp`."""

    column: int
    audit: int
    seccomp: int

    def of(self, table: Table) -> tuple[int, ...]:
        """This architecture's numbers of a table's calls."""
        return tuple(number for number in (pair[self.column] for pair in table.values()) if number is not None)


#: By what uname calls the machine.
ARCHITECTURES = {"x86_64": Numbers(0, 0xC000003E, 317), "aarch64": Numbers(1, 0xC00000B7, 277)}

_TALKING: Table = {  # to other machines and processes; io_uring would do it past this filter
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
_OTHER_PROCESSES: Table = {  # looking into them, leaving the group that is ended as one, slowing them down
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_FILES_FACTS: Table = {  # modes, owners, times and attributes, which Landlock does not guard
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
_SYSTEM: Table = {  # mounts, namespaces, keys, and the parts of the kernel that are known for their holes
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_secret": (447, 447),
    "personality": (135, 92),
    "acct": (163, 89),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
}

#: Refused to every child.
REFUSED: Table = {**_TALKING, **_OTHER_PROCESSES, **_FILES_FACTS, **_SYSTEM}
#: Refused to a child that may not start programs.
STARTS_PROCESSES: Table = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
}
#: Allowed for a thread, by flags in its first argument.
CLONE: Table = {"clone": (56, 220)}
#: Its flags lie in memory, where no filter can look.
CLONE3: Table = {"clone3": (435, 435)}
#: The first argument is a process: allowed for the calling one, or where it is 0 ("me", and my group in `kill`).
NAMES_A_PROCESS: Table = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
