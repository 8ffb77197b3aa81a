for words in 'frobnicate' 'ad' 'up --hots alpha' 'plan --host' 'kinds brigde' 'key make x' 'add bridge' '--json show' '-q'; do
	echo "\$ lanloom $words"
	lanloom $words 2>&1
	echo "exit $?"
done
