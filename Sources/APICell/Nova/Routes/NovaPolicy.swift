import APIConventions
import CloudModel

/// Who may do what by default, under Nova's own names of rules, so that an operator's policy file reads as it does there.
enum NovaPolicy {
    static let reader = "rule:project_reader_or_admin"
    static let member = "rule:project_member_or_admin"
    static let admin = "rule:admin_required"
    static let user = "rule:admin_or_owner"

    static let defaults: [String: String] = [
        "os_compute_api:servers:index": reader,
        "os_compute_api:servers:detail": reader,
        "os_compute_api:servers:index:get_all_tenants": admin,
        "os_compute_api:servers:show": reader,
        "os_compute_api:servers:create": member,
        "os_compute_api:servers:update": member,
        "os_compute_api:servers:delete": member,
        "os_compute_api:servers:reboot": member,
        "os_compute_api:servers:start": member,
        "os_compute_api:servers:stop": member,
        "os_compute_api:os-console-output": member,
        "os_compute_api:os-lock-server:lock": member,
        "os_compute_api:os-lock-server:unlock": member,
        "os_compute_api:server-metadata:index": reader,
        "os_compute_api:server-metadata:update": member,
        "os_compute_api:os-server-tags:index": reader,
        "os_compute_api:os-server-tags:update": member,
        "os_compute_api:ips:index": reader,
        "os_compute_api:os-instance-actions:list": reader,
        "os_compute_api:os-instance-actions:show": reader,
        "os_compute_api:os-instance-actions:events": admin,
        "os_compute_api:os-availability-zone:list": "@",
        "os_compute_api:os-availability-zone:detail": admin,
        "os_compute_api:os-keypairs:index": user,
        "os_compute_api:os-keypairs:create": user,
        "os_compute_api:os-keypairs:delete": user,
        "os_compute_api:os-services:list": admin,
        "os_compute_api:os-services:update": admin,
        "os_compute_api:os-hypervisors:list": admin,
        "os_compute_api:os-quota-sets:show": reader,
        "os_compute_api:os-quota-sets:update": admin,
        "os_compute_api:os-quota-class-sets:show": admin,
        "os_compute_api:os-quota-class-sets:update": admin,
        "os_compute_api:limits": "@",
        "os_compute_api:limits:other_project": admin,
        "os_compute_api:os-flavor-manage": admin,
        "os_compute_api:os-flavor-access": admin,
        "os_compute_api:os-flavor-extra-specs:index": "@",
        "os_compute_api:os-server-groups:index": reader,
        "os_compute_api:os-server-groups:create": member,
        "os_compute_api:os-server-groups:delete": member,
        "os_compute_api:os-aggregates:index": admin,
        "os_compute_api:os-hosts:list": admin,
        "os_compute_api:os-hosts:show": admin,
        "os_compute_api:os-hosts:update": admin,
        "os_compute_api:os-migrations:index": admin,
        "os_compute_api:os-server-diagnostics": admin,
        "os_compute_api:os-simple-tenant-usage:list": admin,
        "os_compute_api:os-simple-tenant-usage:show": reader,
        "meridian:servers:list": reader,
        "meridian:servers:trace": reader,
        "meridian:servers:explain": reader,
        "meridian:cells:list": "@",
        "meridian:cells:update": admin,
        "meridian:hosts:list": admin,
        "meridian:events:list": reader,
    ]
}
