# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

# compared NAME FILTER-ARGUMENT...: a declaration or a record, in the same form.
compared()
{
	name=$results/$arm.$scenario.$1.json
	shift
	jq "$@" -f "$work/guests/oracle/compared.jq" >"$name"
}

trace_begin
# The second vCPU never runs.
guest oracle 2
domid=$(xl domid "$arm.$scenario.oracle")
trace_end all
console oracle | tr -d '\r' | sed -n 's/^oracle: {/{/p' >"$local/declaration"
for view in $views; do
	[ "$view" = trace ] || hypfs_record all
	# A trace has no results, so it cannot know what was refused.
	case $view in
	trace) without=.refused ;;
	*) without=empty ;;
	esac
	jq "del($without)" "$local/declaration" | compared "declared-$view"
	compared "$view" --argjson domid "$domid" <"$results/$arm.$scenario.all.$view.json"
	agree oracle "$view" "declared-$view" "$view"
done
case $views in
*hypfs*)
	rc=0
	names=$("$work/arms/xen/hypfs-names") || rc=$?
	case $rc in
	0) outcome=pass ;;
	1) outcome=fail ;;
	*) outcome=error ;;
	esac
	record names "$outcome" 0 "$(echo "$names" | head -n 1)"

	# xenbatch leaves out a vCPU whose counters are all 0.
	vcpus=$(jq -c --argjson domid "$domid" '.domains[] | select(.domid == $domid).vcpus | map(.vcpu)' \
		"$results/$arm.$scenario.all.hypfs.json")
	case $vcpus in
	'[0]') record vcpus pass 0 "only the vCPU that ran has counts" ;;
	*) record vcpus fail 0 "these vCPUs have counts: $vcpus" ;;
	esac

	# The domain makes no more hypercalls, so both must have the same. The UUID is xenstore's.
	xenbatch export --domain="$domid" -o "$results/$arm.$scenario.metrics.prom"
	jq -r --argjson domid "$domid" '.domains[] | select(.domid == $domid).vcpus[0].hypercall |
		to_entries[] | "xen_hypercalls_total{domain=\"\($domid)\",op=\"\(.key)\"} \(.value)"' \
		"$results/$arm.$scenario.all.hypfs.json" | sort >"$local/expected"
	grep '^xen_hypercalls_total' "$results/$arm.$scenario.metrics.prom" | sort >"$local/counted"
	if ! [ -s "$local/expected" ]; then
		record export error 0 "the record has no hypercalls: see all.hypfs.json"
	elif ! cmp -s "$local/expected" "$local/counted" ||
		! grep -q "^xen_domain_info{domain=\"$domid\",.*uuid=\"[0-9a-f-]\{36\}\"} 1" \
			"$results/$arm.$scenario.metrics.prom"; then
		record export fail 0 "not the counts of the record, or no UUID: see metrics.prom"
	else
		record export pass 0 "$(wc -l <"$local/counted") hypercalls are the same"
	fi ;;
esac
forget oracle
