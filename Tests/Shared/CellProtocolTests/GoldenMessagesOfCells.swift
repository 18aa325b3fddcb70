import CellProtocol
import CloudModel

extension Golden {
    static let cells: [Golden] = [
        Golden(
            "cell-hello/1",
            CellHello(release: "0.1.0", stored: Sample.from, highestEpoch: Sample.epoch, summary: Sample.summary),
            #"""
            {"highestEpoch":42,"release":"0.1.0","stored":{"mark":1111,"number":10},"summary":{"state":"up","weight":1.5,
            "zones":[{"free":{"disk":200,"ram":16384,"vcpus":8},"hosts":2,"largest":{"disk":200,"ram":16384,"vcpus":8},
            "name":"tunis","total":{"disk":200,"ram":16384,"vcpus":8},"traits":["HW_CPU_X86_VMX"]}]}}
            """#),
        Golden(
            "cell-hello/1 reply",
            CellHello.Reply(stored: Sample.to, knowsYourPosition: true, highestEpoch: Sample.epoch),
            #"""
            {"highestEpoch":42,"knowsYourPosition":true,"stored":{"mark":2222,"number":14}}
            """#),
        Golden(
            "cell-summary/1",
            Sample.summary,
            #"""
            {"state":"up","weight":1.5,"zones":[{"free":{"disk":200,"ram":16384,"vcpus":8},"hosts":2,"largest":{"disk":200,
            "ram":16384,"vcpus":8},"name":"tunis","total":{"disk":200,"ram":16384,"vcpus":8},"traits":["HW_CPU_X86_VMX"]}]}
            """#),
        Golden(
            "images-to-warm/1",
            ImagesToWarm(),
            #"""
            {}
            """#),
        Golden(
            "images-to-warm/1 reply",
            ImagesToWarm.Reply(images: [Sample.imageReference]),
            #"""
            {"images":[{"diskFormat":"qcow2","id":"44444444-4444-4444-4444-444444444444","minDisk":1,"minRAM":64,"name":"cirros",
            "sha512":"ab12","size":21430272}]}
            """#),
        Golden(
            "feed-batch/1 up",
            FeedBatch(
                from: Sample.from, to: Sample.to,
                changes: [
                    .server(Sample.report),
                    .action(
                        ActionReport(
                            intent: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 2, state: .failed,
                            message: "It broke.",
                            startedAt: Sample.time, finishedAt: Sample.later, steps: [Sample.step])),
                    .host(
                        HostReport(
                            name: "compute-1.tunis", revision: 4, inventory: Sample.inventory, used: Sample.used, servers: 1,
                            enabled: false,
                            disabledReason: "broken fan", up: true, lastSeen: Sample.later, release: "0.1.0")),
                ]),
            optional: [
                "changes.0.server._0.fault", "changes.0.server._0.host", "changes.0.server._0.launchedAt",
                "changes.0.server._0.progress", "changes.0.server._0.refused", "changes.0.server._0.terminatedAt",
                "changes.0.server._0.zone", "changes.1.action._0.finishedAt", "changes.1.action._0.message",
                "changes.1.action._0.startedAt", "changes.1.action._0.steps.0.note",
                "changes.2.host._0.disabledReason",
            ],
            #"""
            {"changes":[{"server":{"_0":{"doneThrough":2,"epoch":42,"fault":{"at":1795210500123456,"code":500,
            "message":"It broke."},"host":"compute-1.tunis","instanceName":"instance-11111111",
            "launchedAt":1795210500123456,"powerState":1,"progress":"powering-off","refused":"No room.","revision":9,
            "server":"11111111-1111-1111-1111-111111111111","terminatedAt":1795210501000000,"updatedAt":1795210501000000,
            "vmState":"active","zone":"tunis"}}},{"action":{"_0":{"epoch":42,"finishedAt":1795210501000000,
            "intent":"33333333-3333-3333-3333-333333333333","message":"It broke.","number":2,
            "server":"11111111-1111-1111-1111-111111111111","startedAt":1795210500123456,"state":"failed",
            "steps":[{"classic":[21,22],"ended":1795210501000000,"name":"host.image","note":"cache hit",
            "place":"compute-1.tunis","started":1795210500123456}]}}},{"host":{"_0":{"disabledReason":"broken fan",
            "enabled":false,"inventory":{"acceleration":"kvm","address":"10.3.0.11","cachedImages":["ab12"],
            "hypervisorType":"QEMU","hypervisorVersion":7002000,"size":{"disk":200,"ram":16384,"vcpus":8},
            "traits":["HW_CPU_X86_VMX"],"zone":"tunis"},"lastSeen":1795210501000000,"name":"compute-1.tunis",
            "release":"0.1.0","revision":4,"servers":1,"up":true,"used":{"disk":1,"ram":512,"vcpus":1}}}}],
            "from":{"mark":1111,"number":10},"to":{"mark":2222,"number":14}}
            """#),
        Golden(
            "feed-batch/1 down",
            FeedBatch(
                from: Sample.from, to: Sample.to,
                changes: [
                    .attributes(
                        ServerAttributes(
                            server: Sample.server, revision: 3, name: "web one", metadata: ["role": "web"], keyName: "me",
                            publicKey: "ssh-ed25519 AAAA me", gone: true))
                ]),
            optional: [
                "changes.0.attributes._0.keyName", "changes.0.attributes._0.publicKey",
            ],
            #"""
            {"changes":[{"attributes":{"_0":{"gone":true,"keyName":"me","metadata":{"role":"web"},"name":"web one",
            "publicKey":"ssh-ed25519 AAAA me","revision":3,"server":"11111111-1111-1111-1111-111111111111"}}}],
            "from":{"mark":1111,"number":10},"to":{"mark":2222,"number":14}}
            """#),
        Golden(
            "feed-batch/1 reply",
            FeedBatch.Reply(stored: Sample.to),
            #"""
            {"stored":{"mark":2222,"number":14}}
            """#),
        Golden(
            "recover-servers/1 first",
            RecoverServers(after: nil),
            #"""
            {}
            """#),
        Golden(
            "recover-servers/1",
            RecoverServers(after: Sample.server),
            optional: [
                "after"
            ],
            #"""
            {"after":"11111111-1111-1111-1111-111111111111"}
            """#),
        Golden(
            "recover-servers/1 reply",
            RecoverServers.Reply(
                servers: [.init(server: Sample.server, epoch: Sample.epoch, spec: Sample.plainSpec, lastReport: Sample.report)],
                next: Sample.server),
            optional: [
                "next", "servers.0.lastReport", "servers.0.lastReport.fault", "servers.0.lastReport.host",
                "servers.0.lastReport.launchedAt", "servers.0.lastReport.progress", "servers.0.lastReport.refused",
                "servers.0.lastReport.terminatedAt", "servers.0.lastReport.zone",
            ],
            #"""
            {"next":"11111111-1111-1111-1111-111111111111","servers":[{"epoch":42,"lastReport":{"doneThrough":2,"epoch":42,
            "fault":{"at":1795210500123456,"code":500,"message":"It broke."},"host":"compute-1.tunis",
            "instanceName":"instance-11111111","launchedAt":1795210500123456,"powerState":1,"progress":"powering-off",
            "refused":"No room.","revision":9,"server":"11111111-1111-1111-1111-111111111111",
            "terminatedAt":1795210501000000,"updatedAt":1795210501000000,"vmState":"active","zone":"tunis"},
            "server":"11111111-1111-1111-1111-111111111111","spec":{"configDrive":false,"flavor":{"disk":0,"ephemeral":0,
            "extraSpecs":{},"id":"2","name":"m1","ram":64,"swap":0,"vcpus":1},"hints":{},"hostname":"plain","metadata":{},
            "name":"plain","project":"0af1","user":"0bf2"}}]}
            """#),
        Golden(
            "get-drift/1",
            GetDrift(cell: "tunis", after: .init(host: "compute-1.tunis", server: Sample.server), limit: 100),
            optional: [
                "after"
            ],
            #"""
            {"after":{"host":"compute-1.tunis","server":"11111111-1111-1111-1111-111111111111"},"cell":"tunis","limit":100}
            """#),
        Golden(
            "get-drift/1 reply",
            GetDrift.Reply(
                strangers: [
                    .init(
                        server: Sample.server, host: "compute-1.tunis", epoch: Sample.epoch, power: .running, name: "web one",
                        seenAt: Sample.time)
                ], next: .init(host: "compute-1.tunis", server: Sample.server)),
            optional: [
                "next", "strangers.0.name",
            ],
            #"""
            {"next":{"host":"compute-1.tunis","server":"11111111-1111-1111-1111-111111111111"},"strangers":[{"epoch":42,
            "host":"compute-1.tunis","name":"web one","power":1,"seenAt":1795210500123456,
            "server":"11111111-1111-1111-1111-111111111111"}]}
            """#),
    ]
}
