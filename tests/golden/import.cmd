for words in 'interfaces import/interfaces' 'ifcfg import/ifcfg' 'networkd import/networkd' 'libvirt import/libvirt' 'libvirt import/none' 'libvirt import/netplan.yaml' 'netplan import/netplan.yaml' 'netplan import/none' 'netplna'; do
	echo "\$ lanloom import $words"
	lanloom import $words 2>&1
	echo "exit $?"
done
echo '$ lanloom import interfaces - --name lab'
printf 'iface eth0 inet static\naddress 10.0.0.1/24\n' | lanloom import interfaces - --name lab
