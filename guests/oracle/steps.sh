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
guest oracle 1
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
	record names "$outcome" 0 "$(echo "$names" | head -n 1)" ;;
esac
forget oracle
