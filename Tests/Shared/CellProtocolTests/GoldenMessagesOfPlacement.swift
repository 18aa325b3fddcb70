import CellProtocol
import CloudModel

extension Golden {
    static let placement: [Golden] = [
        Golden(
            "reserve-host/1",
            ReserveHost(requests: [.init(server: Sample.server, epoch: Sample.epoch, spec: Sample.spec)]),
            optional: [
                "requests.0.spec.flavor.description", "requests.0.spec.group", "requests.0.spec.image",
                "requests.0.spec.keyName", "requests.0.spec.publicKey", "requests.0.spec.userData",
                "requests.0.spec.zone",
            ],
            #"""
            {"requests":[{"epoch":42,"server":"11111111-1111-1111-1111-111111111111","spec":{"configDrive":true,
            "flavor":{"description":"small","disk":1,"ephemeral":0,"extraSpecs":{"trait:HW_CPU_X86_VMX":"required"},
            "id":"1","name":"m1.tiny","ram":512,"swap":0,"vcpus":1},"group":{"id":"55555555-5555-5555-5555-555555555555",
            "maxServersPerHost":1,"policy":"anti-affinity"},"hints":{"query":"x"},"hostname":"web-one",
            "image":{"diskFormat":"qcow2","id":"44444444-4444-4444-4444-444444444444","minDisk":1,"minRAM":64,
            "name":"cirros","sha512":"ab12","size":21430272},"keyName":"me","metadata":{"role":"web"},"name":"web one",
            "project":"0af1","publicKey":"ssh-ed25519 AAAA me","user":"0bf2","userData":"sealed","zone":"tunis"}}]}
            """#),
        Golden(
            "reserve-host/1 plain",
            ReserveHost(requests: [.init(server: Sample.server, epoch: Sample.epoch, spec: Sample.plainSpec)]),
            #"""
            {"requests":[{"epoch":42,"server":"11111111-1111-1111-1111-111111111111","spec":{"configDrive":false,
            "flavor":{"disk":0,"ephemeral":0,"extraSpecs":{},"id":"2","name":"m1","ram":64,"swap":0,"vcpus":1},"hints":{},
            "hostname":"plain","metadata":{},"name":"plain","project":"0af1","user":"0bf2"}}]}
            """#),
        Golden(
            "reserve-host/1 reply",
            ReserveHost.Reply(answers: [
                .reserved(host: "compute-1.tunis", elimination: Sample.elimination),
                .noRoom(reason: "No host fits.", elimination: Elimination()),
            ]),
            #"""
            {"answers":[{"reserved":{"elimination":{"considered":3,"examples":[{"detail":"has 0 of 8 vCPUs free",
            "host":"compute-2.tunis","rule":"cpu"}],"ranked":["compute-1.tunis","compute-3.tunis"],"removed":{"cpu":1}},
            "host":"compute-1.tunis"}},{"noRoom":{"elimination":{"considered":0,"examples":[],"ranked":[],"removed":{}},
            "reason":"No host fits."}}]}
            """#),
        Golden(
            "perform-intent/1",
            PerformIntent(intents: [
                .init(
                    id: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 1, order: .create(Sample.plainSpec),
                    request: "req-1", deadline: Sample.later),
                .init(
                    id: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 2, order: .reboot(hard: true),
                    request: nil, deadline: nil),
                .init(
                    id: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 3, order: .start, request: nil,
                    deadline: nil),
                .init(
                    id: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 4, order: .stop, request: nil,
                    deadline: nil),
                .init(
                    id: Sample.intent, server: Sample.server, epoch: Sample.epoch, number: 5, order: .delete, request: nil,
                    deadline: nil),
            ]),
            optional: [
                "intents.0.deadline", "intents.0.request",
            ],
            #"""
            {"intents":[{"deadline":1795210501000000,"epoch":42,"id":"33333333-3333-3333-3333-333333333333","number":1,
            "order":{"create":{"_0":{"configDrive":false,"flavor":{"disk":0,"ephemeral":0,"extraSpecs":{},"id":"2",
            "name":"m1","ram":64,"swap":0,"vcpus":1},"hints":{},"hostname":"plain","metadata":{},"name":"plain",
            "project":"0af1","user":"0bf2"}}},"request":"req-1","server":"11111111-1111-1111-1111-111111111111"},
            {"epoch":42,"id":"33333333-3333-3333-3333-333333333333","number":2,"order":{"reboot":{"hard":true}},
            "server":"11111111-1111-1111-1111-111111111111"},{"epoch":42,"id":"33333333-3333-3333-3333-333333333333",
            "number":3,"order":{"start":{}},"server":"11111111-1111-1111-1111-111111111111"},{"epoch":42,
            "id":"33333333-3333-3333-3333-333333333333","number":4,"order":{"stop":{}},
            "server":"11111111-1111-1111-1111-111111111111"},{"epoch":42,"id":"33333333-3333-3333-3333-333333333333",
            "number":5,"order":{"delete":{}},"server":"11111111-1111-1111-1111-111111111111"}]}
            """#),
        Golden(
            "perform-intent/1 reply",
            PerformIntent.Reply(answers: [.stored, .refused(reason: "No room."), .notNow(reason: "The cell is recovering.")]),
            #"""
            {"answers":[{"stored":{}},{"refused":{"reason":"No room."}},{"notNow":{"reason":"The cell is recovering."}}]}
            """#),
        Golden(
            "rank-hosts/1",
            RankHosts(
                states: HostStates(
                    number: 5, isWhole: true,
                    hosts: [
                        HostState(
                            name: "compute-1.tunis", zone: "tunis", enabled: true, up: true, total: Sample.size,
                            used: Sample.used,
                            traits: ["HW_CPU_X86_VMX"], cachedImages: ["ab12"], groups: [Sample.group.description: 2])
                    ]), requests: [.init(server: Sample.server, spec: Sample.plainSpec, avoiding: ["compute-2.tunis"])]),
            #"""
            {"requests":[{"avoiding":["compute-2.tunis"],"server":"11111111-1111-1111-1111-111111111111",
            "spec":{"configDrive":false,"flavor":{"disk":0,"ephemeral":0,"extraSpecs":{},"id":"2","name":"m1","ram":64,
            "swap":0,"vcpus":1},"hints":{},"hostname":"plain","metadata":{},"name":"plain","project":"0af1",
            "user":"0bf2"}}],"states":{"hosts":[{"cachedImages":["ab12"],"enabled":true,
            "groups":{"55555555-5555-5555-5555-555555555555":2},"name":"compute-1.tunis","total":{"disk":200,"ram":16384,
            "vcpus":8},"traits":["HW_CPU_X86_VMX"],"up":true,"used":{"disk":1,"ram":512,"vcpus":1},"zone":"tunis"}],
            "isWhole":true,"number":5}}
            """#),
        Golden(
            "rank-hosts/1 reply",
            RankHosts.Reply(isCurrent: true, eliminations: [Sample.elimination]),
            #"""
            {"eliminations":[{"considered":3,"examples":[{"detail":"has 0 of 8 vCPUs free","host":"compute-2.tunis",
            "rule":"cpu"}],"ranked":["compute-1.tunis","compute-3.tunis"],"removed":{"cpu":1}}],"isCurrent":true}
            """#),
    ]
}
