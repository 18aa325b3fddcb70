import CellProtocol
import CloudModel

extension Golden {
    static let hosts: [Golden] = [
        Golden(
            "host-hello/1",
            HostHello(
                inventory: Sample.inventory, guests: [.init(observation: Sample.observation, spec: Sample.plainSpec)],
                release: "0.1.0"),
            optional: [
                "guests.0.observation.failedRevision", "guests.0.observation.failure", "guests.0.observation.progress",
                "guests.0.observation.steps.0.note", "guests.0.spec",
            ],
            #"""
            {"guests":[{"observation":{"appliedRevision":6,"epoch":42,"failedRevision":7,"failure":"The disk is full.",
            "power":1,"presence":"present","progress":"spawning","server":"11111111-1111-1111-1111-111111111111",
            "steps":[{"classic":[21,22],"ended":1795210501000000,"name":"host.image","note":"cache hit",
            "place":"compute-1.tunis","started":1795210500123456}]},"spec":{"configDrive":false,"flavor":{"disk":0,
            "ephemeral":0,"extraSpecs":{},"id":"2","name":"m1","ram":64,"swap":0,"vcpus":1},"hints":{},"hostname":"plain",
            "metadata":{},"name":"plain","project":"0af1","user":"0bf2"}}],"inventory":{"acceleration":"kvm",
            "address":"10.3.0.11","cachedImages":["ab12"],"hypervisorType":"QEMU","hypervisorVersion":7002000,
            "size":{"disk":200,"ram":16384,"vcpus":8},"traits":["HW_CPU_X86_VMX"],"zone":"tunis"},"release":"0.1.0"}
            """#),
        Golden(
            "host-hello/1 reply",
            HostHello.Welcome(reconcileMilliseconds: 10_000),
            #"""
            {"reconcileMilliseconds":10000}
            """#),
        Golden(
            "ask-for-work/1",
            AskForWork(digest: WorkDigest([Sample.order])),
            optional: [
                "digest"
            ],
            #"""
            {"digest":{"count":1,"hash":3863671379200503122}}
            """#),
        Golden(
            "ask-for-work/1 reply",
            AssignedWork(digest: WorkDigest([Sample.order]), orders: [Sample.order]),
            optional: [
                "orders", "orders.0.deadline", "orders.0.reboot", "orders.0.request",
            ],
            #"""
            {"digest":{"count":1,"hash":3863671379200503122},"orders":[{"action":3,"deadline":1795210501000000,
            "desired":"running","epoch":42,"reboot":"hard","request":"req-1","revision":7,
            "server":"11111111-1111-1111-1111-111111111111","spec":{"configDrive":false,"flavor":{"disk":0,"ephemeral":0,
            "extraSpecs":{},"id":"2","name":"m1","ram":64,"swap":0,"vcpus":1},"hints":{},"hostname":"plain","metadata":{},
            "name":"plain","project":"0af1","user":"0bf2"}}]}
            """#),
        Golden(
            "ask-for-work/1 unchanged",
            AssignedWork(digest: WorkDigest([Sample.order]), orders: nil),
            #"""
            {"digest":{"count":1,"hash":3863671379200503122}}
            """#),
        Golden(
            "wake-host/1",
            WakeHost(),
            #"""
            {}
            """#),
        Golden(
            "report-work/1",
            ReportWork(observations: [Sample.observation]),
            optional: [
                "observations.0.failedRevision", "observations.0.failure", "observations.0.progress",
                "observations.0.steps.0.note",
            ],
            #"""
            {"observations":[{"appliedRevision":6,"epoch":42,"failedRevision":7,"failure":"The disk is full.","power":1,
            "presence":"present","progress":"spawning","server":"11111111-1111-1111-1111-111111111111",
            "steps":[{"classic":[21,22],"ended":1795210501000000,"name":"host.image","note":"cache hit",
            "place":"compute-1.tunis","started":1795210500123456}]}]}
            """#),
        Golden(
            "report-work/1 reply",
            Done(),
            #"""
            {}
            """#),
        Golden(
            "ask-for-image-grant/1",
            AskForImageGrant(
                server: Sample.server, epoch: Sample.epoch, image: Sample.image, host: "compute-1.tunis", hostKey: "AbCd"),
            optional: [
                "hostKey"
            ],
            #"""
            {"epoch":42,"host":"compute-1.tunis","hostKey":"AbCd","image":"44444444-4444-4444-4444-444444444444",
            "server":"11111111-1111-1111-1111-111111111111"}
            """#),
        Golden(
            "ask-for-image-grant/1 reply",
            ImageGrant(url: "https://10.100.0.10:9292/v2/images/1/file", grant: "abc.def", expires: Sample.later),
            #"""
            {"expires":1795210501000000,"grant":"abc.def","url":"https://10.100.0.10:9292/v2/images/1/file"}
            """#),
        Golden(
            "warm-image/1",
            WarmImage(image: Sample.imageReference),
            #"""
            {"image":{"diskFormat":"qcow2","id":"44444444-4444-4444-4444-444444444444","minDisk":1,"minRAM":64,"name":"cirros",
            "sha512":"ab12","size":21430272}}
            """#),
        Golden(
            "warm-image/1 reply",
            WarmImage.Reply(isKept: true),
            #"""
            {"isKept":true}
            """#),
        Golden(
            "ask-for-warm-up-grant/1",
            AskForWarmUpGrant(image: Sample.image, host: "compute-1.tunis", hostKey: "AbCd"),
            #"""
            {"host":"compute-1.tunis","hostKey":"AbCd","image":"44444444-4444-4444-4444-444444444444"}
            """#),
        Golden(
            "get-console-output/1",
            GetConsoleOutput(server: Sample.server, cell: "tunis", lines: 50),
            optional: [
                "lines"
            ],
            #"""
            {"cell":"tunis","lines":50,"server":"11111111-1111-1111-1111-111111111111"}
            """#),
        Golden(
            "get-console-output/1 reply",
            GetConsoleOutput.Reply(output: "login:\n"),
            #"""
            {"output":"login:\n"}
            """#),
    ]
}
